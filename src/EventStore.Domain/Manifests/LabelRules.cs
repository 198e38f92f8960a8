namespace EventStore.Domain.Manifests;

/// <summary>The syntax of labels, with the texts of apimachinery's util/validation word for word.</summary>
public static class LabelRules
{
    private const string ValueText =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an " +
        $"alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '({NameRules.NameFormat})?')";

    /// <summary>What is wrong with a label's key.</summary>
    public static IReadOnlyList<string> OfKey(string text) => NameRules.OfQualifiedName(text);

    /// <summary>What is wrong with a label's value: at most 63 bytes, and empty or a name.</summary>
    public static IReadOnlyList<string> OfValue(string text) =>
        NameRules.Both(NameRules.TooLong(text, 63), text.Length == 0 || NameRules.IsName(text) ? null : ValueText);
}
