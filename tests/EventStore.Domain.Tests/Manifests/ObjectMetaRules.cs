using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Tests.Manifests;

public sealed class ObjectMetaRules
{
    [Theory]
    [InlineData("\"x\"", "metadata", "Invalid value: \"string\": metadata in body must be of type object: \"string\"")]
    [InlineData("[]", "metadata", "Invalid value: \"array\": metadata in body must be of type object: \"array\"")]
    [InlineData("""{"name":5}""", "metadata.name", "Invalid value: \"integer\": metadata.name in body must be of type string: \"integer\"")]
    [InlineData("""{"namespace":{}}""", "metadata.namespace", "Invalid value: \"object\": metadata.namespace in body must be of type string: \"object\"")]
    [InlineData("""{"generateName":true}""", "metadata.generateName", "Invalid value: \"boolean\": metadata.generateName in body must be of type string: \"boolean\"")]
    [InlineData("""{"uid":1.5}""", "metadata.uid", "Invalid value: \"number\": metadata.uid in body must be of type string: \"number\"")]
    [InlineData("""{"resourceVersion":5}""", "metadata.resourceVersion", "Invalid value: \"integer\": metadata.resourceVersion in body must be of type string: \"integer\"")]
    [InlineData("""{"selfLink":[]}""", "metadata.selfLink", "Invalid value: \"array\": metadata.selfLink in body must be of type string: \"array\"")]
    [InlineData("""{"creationTimestamp":0}""", "metadata.creationTimestamp", "Invalid value: \"integer\": metadata.creationTimestamp in body must be of type string: \"integer\"")]
    [InlineData("""{"creationTimestamp":"yesterday"}""", "metadata.creationTimestamp", "Invalid value: \"yesterday\": metadata.creationTimestamp in body must be of type date-time: \"yesterday\"")]
    [InlineData("""{"deletionTimestamp":""}""", "metadata.deletionTimestamp", "Invalid value: \"\": metadata.deletionTimestamp in body must be of type date-time: \"\"")]
    [InlineData("""{"generation":"1"}""", "metadata.generation", "Invalid value: \"string\": metadata.generation in body must be of type integer: \"string\"")]
    [InlineData("""{"generation":1.5}""", "metadata.generation", "Invalid value: \"number\": metadata.generation in body must be of type integer: \"number\"")]
    [InlineData("""{"deletionGracePeriodSeconds":false}""", "metadata.deletionGracePeriodSeconds", "Invalid value: \"boolean\": metadata.deletionGracePeriodSeconds in body must be of type integer: \"boolean\"")]
    [InlineData("""{"labels":["a"]}""", "metadata.labels", "Invalid value: \"array\": metadata.labels in body must be of type object: \"array\"")]
    [InlineData("""{"labels":{"a":1}}""", "metadata.labels", "Invalid value: \"integer\": metadata.labels.a in body must be of type string: \"integer\"")]
    [InlineData("""{"labels":{"b/c":true}}""", "metadata.labels", "Invalid value: \"boolean\": metadata.labels['b/c'] in body must be of type string: \"boolean\"")]
    [InlineData("""{"annotations":"x"}""", "metadata.annotations", "Invalid value: \"string\": metadata.annotations in body must be of type object: \"string\"")]
    [InlineData("""{"annotations":{"a":{}}}""", "metadata.annotations", "Invalid value: \"object\": metadata.annotations.a in body must be of type string: \"object\"")]
    [InlineData("""{"finalizers":"x"}""", "metadata.finalizers", "Invalid value: \"string\": metadata.finalizers in body must be of type array: \"string\"")]
    [InlineData("""{"finalizers":["a",1]}""", "metadata.finalizers[1]", "Invalid value: \"integer\": metadata.finalizers[1] in body must be of type string: \"integer\"")]
    [InlineData("""{"finalizers":[null]}""", "metadata.finalizers[0]", "Invalid value: \"null\": metadata.finalizers[0] in body must be of type string: \"null\"")]
    [InlineData("""{"ownerReferences":{}}""", "metadata.ownerReferences", "Invalid value: \"object\": metadata.ownerReferences in body must be of type array: \"object\"")]
    [InlineData("""{"ownerReferences":["x"]}""", "metadata.ownerReferences[0]", "Invalid value: \"string\": metadata.ownerReferences[0] in body must be of type object: \"string\"")]
    [InlineData("""{"ownerReferences":[{"uid":1}]}""", "metadata.ownerReferences[0].uid", "Invalid value: \"integer\": metadata.ownerReferences[0].uid in body must be of type string: \"integer\"")]
    [InlineData("""{"ownerReferences":[{"controller":"true"}]}""", "metadata.ownerReferences[0].controller", "Invalid value: \"string\": metadata.ownerReferences[0].controller in body must be of type boolean: \"string\"")]
    [InlineData("""{"ownerReferences":[{"blockOwnerDeletion":1}]}""", "metadata.ownerReferences[0].blockOwnerDeletion", "Invalid value: \"integer\": metadata.ownerReferences[0].blockOwnerDeletion in body must be of type boolean: \"integer\"")]
    [InlineData("""{"managedFields":{}}""", "metadata.managedFields", "Invalid value: \"object\": metadata.managedFields in body must be of type array: \"object\"")]
    public void A_value_Go_cannot_decode_is_an_error_of_type(string metadata, string field, string text) => Assert.Equal(
        [new FieldError("FieldValueTypeInvalid", field, text)],
        ObjectMeta.TypeErrors(Given.JobWith("metadata", metadata)));

    [Fact]
    public void A_number_beyond_an_int64_is_out_of_range() => Assert.Equal(
        [
            "metadata.generation: Invalid value: 9223372036854775808: "
            + "metadata.generation in body should be less than or equal to 9223372036854775807",
        ],
        ObjectMeta.TypeErrors(Given.JobWith("metadata", """{"generation":9223372036854775808}""")).Select(error => error.ToString()));

    [Fact]
    public void Every_wrong_type_is_named() => Assert.Equal(
        ["metadata.annotations", "metadata.labels", "metadata.labels", "metadata.name"],
        ObjectMeta.TypeErrors(Given.JobWith("metadata", """{"name":1,"labels":{"a":1,"b":2},"annotations":[]}"""))
            .Select(error => error.Field));

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""
        {"name":null,"namespace":null,"generateName":null,"uid":null,"resourceVersion":null,"selfLink":null,"creationTimestamp":null,
         "deletionTimestamp":null,"generation":null,"deletionGracePeriodSeconds":null,"labels":null,"annotations":{"a":null},
         "finalizers":null,"ownerReferences":[{"controller":null}],"managedFields":null}
        """)]
    [InlineData("""
        {"name":"a","generation":1,"creationTimestamp":"2019-07-24T10:36:26Z","deletionTimestamp":"2019-07-24T10:36:26.123+02:00",
         "labels":{"a":"b"},"annotations":{"a":"b"},"finalizers":["a/b"],"managedFields":[{}],"unknown":5,
         "ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u","controller":true,"unknown":1}]}
        """)]
    public void Null_is_absent_and_what_is_unknown_is_no_error_of_type(string metadata) =>
        Assert.Empty(ObjectMeta.TypeErrors(Given.JobWith("metadata", metadata)));

    [Theory]
    [InlineData("2019-07-24")]
    [InlineData("2019-07-24T10:36:26")]
    [InlineData("2019-07-24 10:36:26Z")]
    [InlineData("2019-02-30T10:36:26Z")]
    [InlineData("2019-07-24T24:00:00Z")]
    [InlineData("2019-07-24T10:36:60Z")]
    [InlineData("2019-07-24T10:36:26+24:00")]
    [InlineData("2019-07-24T10:36:26.Z")]
    [InlineData("2019-07-24T10:36:26Z\n")]
    [InlineData("٢019-07-24T10:36:26Z")]
    public void A_time_is_a_day_an_hour_and_a_zone(string time) =>
        Assert.Single(ObjectMeta.TypeErrors(JsonObject.Of(("metadata", JsonObject.Of(("creationTimestamp", time))))));

    [Fact]
    public void Only_known_fields_with_content_are_kept() => Assert.Equal(
        """{"annotations":{"b":""},"deletionGracePeriodSeconds":0,"name":"a","ownerReferences":[{"kind":"Pod","name":"","uid":"u"}]}""",
        ObjectMeta.Known(Given.Object("""
            {"name":"a","generateName":"","clusterName":"c","enable":true,"initializers":{},"foo":{"bar":1},"creationTimestamp":null,
             "labels":{},"annotations":{"a":null,"b":""},"finalizers":[],"managedFields":[{"manager":"kubectl"}],
             "deletionGracePeriodSeconds":0,"ownerReferences":[{"kind":"Pod","name":"","uid":"u","controller":null,"foo":1}]}
            """)).ToString());

    [Theory]
    [InlineData("""{"labels":{"a":null}}""")]
    [InlineData("""{"labels":null,"ownerReferences":[],"annotations":{},"finalizers":null,"managedFields":[]}""")]
    public void Maps_and_lists_without_content_are_left_out(string metadata) =>
        Assert.Equal("{}", ObjectMeta.Known(Given.Object(metadata)).ToString());

    [Fact]
    public void Metadata_with_nothing_to_drop_come_back_as_they_are()
    {
        JsonObject metadata = Given.Object(
            """{"name":"a","labels":{"a":"b"},"finalizers":["x/y"],"ownerReferences":[{"kind":"Pod","uid":"u"}]}""");
        Assert.Same(metadata, ObjectMeta.Known(metadata));
    }

    [Fact]
    public void A_value_of_the_wrong_type_stays_for_the_type_check_to_name() =>
        Assert.Equal(
            """{"labels":[1],"name":5,"ownerReferences":["x"]}""",
            ObjectMeta.Known(Given.Object("""{"name":5,"labels":[1],"ownerReferences":["x"]}""")).ToString());
}
