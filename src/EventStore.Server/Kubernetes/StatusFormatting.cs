using System.Globalization;
using System.Text;
using EventStore.Domain.Manifests;

namespace EventStore.Server.Kubernetes;

/// <summary>Parts that several texts of a <see cref="Status"/> have in common; the texts themselves are in it.</summary>
internal static class StatusFormatting
{
    /// <summary>Why nothing can be created in a namespace.</summary>
    public static string NoContentIn(string @namespace) =>
        $"unable to create new content in namespace {@namespace} because it is being terminated";

    /// <summary>The same as a cause says it.</summary>
    public static string BeingTerminated(string @namespace) => $"namespace {@namespace} is being terminated";

    /// <summary>The roles a refusal says are missing, as upstream appends them.</summary>
    public static string Rbac(string missing) => missing.Length == 0 ? "" : $": RBAC: {missing}";

    /// <summary>The text in double quotes as Go prints it.</summary>
    public static string Quote(string text) => FieldError.Quote(text);

    /// <summary>How many more there are than an answer lists.</summary>
    public static string AndMore(int count) =>
        count > Status.ListedMax ? string.Create(CultureInfo.InvariantCulture, $" and {count - Status.ListedMax} more") : "";

    /// <summary>The errors of an object: each text once (apimachinery <c>NewInvalid</c> and <c>ToAggregate</c>).</summary>
    public static string Listed(IReadOnlyCollection<FieldError> errors)
    {
        string[] texts = [.. errors.Take(Status.ListedMax).Select(error => error.ToString()).Distinct()];
        string list = string.Join(", ", texts) + AndMore(errors.Count);
        return texts.Length == 1 ? list : $"[{list}]";
    }

    /// <summary>A path is made of the client's own names, which may be megabytes long.</summary>
    public static string Clip(string path) => path.Length <= 300 ? path : path[..300] + "...";

    /// <summary>What upstream does to a text with a path in it, lest a browser takes it for HTML.</summary>
    public static string NoMarkup(string text) =>
        new StringBuilder(text).Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;").ToString();
}
