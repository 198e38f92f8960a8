using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Tests.Manifests;

public sealed class UpdateRules
{
    private const string Name =
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " +
        "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

    private const string Subdomain =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end " +
        "with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

    private const string LabelValue =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with " +
        "an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

    private const string A63 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    [Theory]
    [InlineData("bad key!", $"Invalid value: \"bad key!\": name part {Name}")]
    [InlineData("Bad_Prefix/a", $"Invalid value: \"Bad_Prefix/a\": prefix part {Subdomain}")]
    [InlineData("a" + A63, "Invalid value: \"a" + A63 + "\": name part must be no more than 63 characters")]
    [InlineData("/a", "Invalid value: \"/a\": prefix part must be non-empty")]
    [InlineData("a.b/", "Invalid value: \"a.b/\": name part must be non-empty", $"Invalid value: \"a.b/\": name part {Name}")]
    [InlineData("", "Invalid value: \"\": name part must be non-empty", $"Invalid value: \"\": name part {Name}")]
    [InlineData("a/b/c", $"Invalid value: \"a/b/c\": a qualified name {Name} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')")]
    [InlineData("-a", $"Invalid value: \"-a\": name part {Name}")]
    [InlineData("é", $"Invalid value: \"é\": name part {Name}")]
    public void A_key_is_a_qualified_name(string key, params string[] texts)
    {
        Assert.Equal(texts.Select(text => "metadata.labels: " + text), OfMetadata("labels", (key, "v")));
        Assert.Equal(texts.Select(text => "metadata.annotations: " + text), OfMetadata("annotations", (key, "v")));
    }

    [Fact]
    public void A_prefix_of_more_than_253_characters_is_too_long() => Assert.Equal(
        [$"metadata.labels: Invalid value: \"{new string('a', 254)}/b\": prefix part must be no more than 253 characters"],
        OfMetadata("labels", (new string('a', 254) + "/b", "v")));

    [Theory]
    [InlineData("not valid!", $"Invalid value: \"not valid!\": {LabelValue}")]
    [InlineData("a" + A63, "Invalid value: \"a" + A63 + "\": must be no more than 63 characters")]
    [InlineData("-", $"Invalid value: \"-\": {LabelValue}")]
    [InlineData("a\n", $"Invalid value: \"a\\n\": {LabelValue}")]
    public void A_label_value_is_short_and_plain(string value, string text) =>
        Assert.Equal(["metadata.labels: " + text], OfMetadata("labels", ("a", value)));

    [Fact]
    public void A_length_is_counted_in_bytes() => Assert.Equal(2, OfMetadata("labels", ("a", new string('é', 32))).Length);

    [Fact]
    public void What_upstream_allows_is_allowed()
    {
        Assert.Empty(OfMetadata("labels", (A63, A63), ("b", ""), ("example.com/A.b_c-9", "1.2_3-x"),
            (string.Join('.', Enumerable.Repeat(A63, 4))[..253] + "/x", "v")));
        Assert.Empty(OfMetadata("annotations", ("Example.COM/Team", "any text, é \n\U0001F600")));
        Assert.Empty(OfMetadata("annotations", ("a", new string('x', 262143))));
    }

    [Fact]
    public void Errors_come_in_the_order_of_the_keys() => Assert.Equal(
        [$"metadata.labels: Invalid value: \"bad!\": {LabelValue}", $"metadata.labels: Invalid value: \"k y\": name part {Name}"],
        OfMetadata("labels", ("k y", "v"), ("a", "bad!")));

    [Fact]
    public void An_annotations_prefix_in_upper_case_is_fine_but_an_underscore_is_not() =>
        Assert.Equal([$"metadata.annotations: Invalid value: \"Bad_Prefix/a\": prefix part {Subdomain}"], OfMetadata(
            "annotations", ("Bad_Prefix/a", "v"), ("Good/a", "v")));

    [Fact]
    public void Annotations_together_have_262144_bytes_at_most() => Assert.Equal(
        ["metadata.annotations: Too long: may not be more than 262144 bytes"],
        OfMetadata("annotations", ("a", new string('x', 131072)), ("b", new string('é', 65536))));

    [Theory]
    [InlineData("""{"activeDeadlineSeconds":0}""", "FieldValueInvalid", "spec.activeDeadlineSeconds: Invalid value: 0: spec.activeDeadlineSeconds in body should be greater than or equal to 1")]
    [InlineData("""{"activeDeadlineSeconds":-9223372036854775809}""", "FieldValueInvalid", "spec.activeDeadlineSeconds: Invalid value: -9223372036854775809: spec.activeDeadlineSeconds in body should be greater than or equal to 1")]
    [InlineData("""{"activeDeadlineSeconds":9223372036854775808}""", "FieldValueInvalid", "spec.activeDeadlineSeconds: Invalid value: 9223372036854775808: spec.activeDeadlineSeconds in body should be less than or equal to 9223372036854775807")]
    [InlineData("""{"activeDeadlineSeconds":"60"}""", "FieldValueTypeInvalid", "spec.activeDeadlineSeconds: Invalid value: \"string\": spec.activeDeadlineSeconds in body must be of type integer: \"string\"")]
    [InlineData("""{"activeDeadlineSeconds":60.5}""", "FieldValueTypeInvalid", "spec.activeDeadlineSeconds: Invalid value: \"number\": spec.activeDeadlineSeconds in body must be of type integer: \"number\"")]
    [InlineData("""{"cleanPodPolicy":"Sometimes"}""", "FieldValueNotSupported", "spec.cleanPodPolicy: Unsupported value: \"Sometimes\": supported values: \"All\", \"Running\", \"None\"")]
    [InlineData("""{"cleanPodPolicy":"all"}""", "FieldValueNotSupported", "spec.cleanPodPolicy: Unsupported value: \"all\": supported values: \"All\", \"Running\", \"None\"")]
    [InlineData("""{"cleanPodPolicy":1}""", "FieldValueTypeInvalid", "spec.cleanPodPolicy: Invalid value: \"integer\": spec.cleanPodPolicy in body must be of type string: \"integer\"")]
    [InlineData("""{"ttlSecondsAfterFinished":-1}""", "FieldValueInvalid", "spec.ttlSecondsAfterFinished: Invalid value: -1: spec.ttlSecondsAfterFinished in body should be greater than or equal to 0")]
    [InlineData("""{"ttlSecondsAfterFinished":2147483648}""", "FieldValueInvalid", "spec.ttlSecondsAfterFinished: Invalid value: 2147483648: spec.ttlSecondsAfterFinished in body should be less than or equal to 2147483647")]
    [InlineData("""{"ttlSecondsAfterFinished":{}}""", "FieldValueTypeInvalid", "spec.ttlSecondsAfterFinished: Invalid value: \"object\": spec.ttlSecondsAfterFinished in body must be of type integer: \"object\"")]
    public void A_policy_field_outside_its_range_is_named(string spec, string reason, string error)
    {
        FieldError found = Assert.Single(Validation.OfUpdate(Given.Job($$"""{"spec":{{spec}}}""")));
        Assert.Equal((reason, error), (found.Reason, found.ToString()));
        Assert.Equal(found, Assert.Single(Validation.OfNewJob(Given.Job($$"""{"spec":{{spec}}}"""))));
    }

    [Theory]
    [InlineData("""{"activeDeadlineSeconds":1,"ttlSecondsAfterFinished":0,"cleanPodPolicy":""}""")]
    [InlineData("""{"activeDeadlineSeconds":9223372036854775807,"ttlSecondsAfterFinished":2147483647,"cleanPodPolicy":"All"}""")]
    [InlineData("""{"activeDeadlineSeconds":60.0,"ttlSecondsAfterFinished":-0.0}""")]
    [InlineData("""{"activeDeadlineSeconds":1e2,"ttlSecondsAfterFinished":-0,"cleanPodPolicy":"Running"}""")]
    [InlineData("""{"activeDeadlineSeconds":null,"ttlSecondsAfterFinished":null,"cleanPodPolicy":null}""")]
    [InlineData("""{"cleanPodPolicy":"None","runPolicy":{"cleanPodPolicy":"Sometimes","ttlSecondsAfterFinished":-1},"elasticPolicy":5}""")]
    public void A_policy_field_inside_its_range_is_fine(string spec)
    {
        Assert.Empty(Validation.OfUpdate(Given.Object($$"""{"spec":{{spec}}}""")));
        Assert.Empty(Validation.OfNewJob(Given.Job($$"""{"spec":{{spec}}}""")));
    }

    [Fact]
    public void Every_wrong_value_is_named_at_once() => Assert.Equal(
        ["metadata.labels", "metadata.annotations", "spec.activeDeadlineSeconds", "spec.cleanPodPolicy", "spec.ttlSecondsAfterFinished"],
        Validation.OfUpdate(Given.Job("""
            {"metadata":{"labels":{"a":"!"},"annotations":{"!":"x"}},"spec":{"cleanPodPolicy":"X","ttlSecondsAfterFinished":-1,"activeDeadlineSeconds":0}}
            """)).Select(error => error.Field));

    [Fact]
    public void What_an_update_cannot_change_is_not_looked_at() => Assert.Empty(Validation.OfUpdate(Given.Job("""
        {"metadata":{"name":"Bad_Name","finalizers":["bad!"]},"spec":{"backoffLimit":-1,"pytorchReplicaSpecs":{"Master":null,"Chief":{}}}}
        """)));

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"metadata":null,"spec":null}""")]
    [InlineData("""{"metadata":[],"spec":"x"}""")]
    [InlineData("""{"metadata":{"labels":[1],"annotations":"x"},"spec":{}}""")]
    [InlineData("""{"metadata":{"labels":{"a":1,"b":null},"annotations":{"a":{}}}}""")]
    public void Other_types_are_passed_over(string manifest) => Assert.Empty(Validation.OfUpdate(Given.Object(manifest)));

    private static string[] OfMetadata(string field, params (string, JsonValue)[] texts) =>
        [.. Validation.OfUpdate(JsonObject.Of(("metadata", JsonObject.Of((field, JsonObject.Of(texts))))))
            .Select(error => error.ToString())];
}
