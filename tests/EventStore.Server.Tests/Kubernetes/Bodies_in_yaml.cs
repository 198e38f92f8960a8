using System.Text;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using FsCheck.Xunit;

namespace EventStore.Server.Tests.Kubernetes;

public sealed class Bodies_in_yaml
{
    [Theory]
    [InlineData("a: 1\nb: [x, \"1\", true]\nc:\n- d: null\n- {}\n", """{"a":1,"b":["x","1",true],"c":[{"d":null},{}]}""")]
    [InlineData("{\"json\": [1.10, 9007199254740993]}", """{"json":[1.10,9007199254740993]}""")]
    [InlineData("a: 1.10\nb: 9007199254740993\nc: 1e2\nd: .5\ne: +7\nf: 1.\ng: 1_000", """{"a":1.10,"b":9007199254740993,"c":1e2,"d":0.5,"e":7,"f":1.0,"g":1000}""")]
    [InlineData("a: 0x1F\nb: 0644\nc: 0o17\nd: 0b101\ne: 08\nf: -0x10", """{"a":31,"b":420,"c":15,"d":5,"e":8,"f":-16}""")]
    [InlineData("a: yes\nb: Off\nc: n\nd: 'no'\ne: !!str 5\nf: 2026-11-23", """{"a":true,"b":false,"c":false,"d":"no","e":"5","f":"2026-11-23"}""")]
    [InlineData("a: |\n  x\n  y\nb: \"t\\u00e9\"\n1: one\n", """{"a":"x\ny\n","b":"té","1":"one"}""")]
    [InlineData("a: 1.2.3\nb: 1-2\nc: 12ab\nd: v1\ne: -x\nf: 127.0.0.1", """{"a":"1.2.3","b":"1-2","c":"12ab","d":"v1","e":"-x","f":"127.0.0.1"}""")]
    [InlineData("\"<<\": 1\n'<<b': 2", """{"<<":1,"<<b":2}""")]
    [InlineData("# nothing\n", "")]
    [InlineData("--- \na: b\n...\n", """{"a":"b"}""")]
    public void Are_read_as_kubectl_reads_them(string yaml, string json)
    {
        (ReadOnlyMemory<byte> read, string? wrong, _) = YamlBody.Read(Bytes(yaml), 1000);
        Assert.Null(wrong);
        Assert.Equal(json, Encoding.UTF8.GetString(read.Span));
    }

    [Theory]
    [InlineData("a: &x [1]\nb: *x", "line 1: ", "anchors and aliases are not read here")]
    [InlineData("a: {<<: {b: 1}}", "line 1: ", "merge key")]
    [InlineData("a: b\n---\nc: d", "only one document", "")]
    [InlineData("a: !!binary x", "line 1: ", "tags are not read here")]
    [InlineData("a: .inf", "line 1: ", "no number that JSON has")]
    [InlineData("a: [1,", "line ", "")]
    [InlineData("? [a]\n: b", "line 1: ", "the name of a field must be a text")]
    [InlineData("a: b: c", "line 1: ", "")]
    public void Are_refused_with_the_line(string yaml, string begin, string contains)
    {
        string wrong = YamlBody.Read(Bytes(yaml), 1000).Wrong!;
        Assert.Contains(begin, wrong, StringComparison.Ordinal);
        Assert.Contains(contains, wrong, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[", "nested")]
    [InlineData("- ", "nested")]
    public void Cannot_be_deeper_than_other_bodies(string open, string said) =>
        Assert.Contains(said, YamlBody.Read(Bytes(string.Concat(Enumerable.Repeat(open, 200))), 1000).Wrong!, StringComparison.Ordinal);

    [Theory]
    [InlineData("[0,1,2]", 4, false)]
    [InlineData("[0,1,2]", 3, true)]
    [InlineData("a: b", 3, false)]
    [InlineData("a: b", 2, true)]
    [InlineData("a: b", 1, true)] // the name is one too many
    public void Cannot_have_more_values_than_other_bodies(string yaml, int valuesMax, bool hasTooMany)
    {
        (_, string? wrong, bool tooMany) = YamlBody.Read(Bytes(yaml), valuesMax);
        Assert.Equal((null, hasTooMany), (wrong, tooMany));
    }

    [Property(MaxTest = 500)]
    public void Say_what_the_JSON_said_that_they_were_written_from(string?[] texts, int number, bool flag)
    {
        JsonValue[] values =
        [
            .. (texts ?? []).Select(text => (JsonValue)new string([.. (text ?? "").Where(c => c != 0 && !char.IsSurrogate(c))])), number,
            JsonBoolean.Of(flag),
        ];
        JsonObject written = JsonObject.Of(
            ("list", new JsonArray([.. values, new JsonArray(values), JsonObject.Of(("in", new JsonArray([])))])),
            ("no", JsonNull.Value),
            ("nested", JsonObject.Of(
                values.Select((value, i) => new KeyValuePair<string, JsonValue>((value as JsonText)?.Value ?? $"{i}", value)))));
        (ReadOnlyMemory<byte> read, string? wrong, _) = YamlBody.Read(Bytes(YamlText.Of(written)), 100_000);
        Assert.Null(wrong);
        Assert.Equal(written, JsonReading.Parse(read.Span));
        Assert.Equal(YamlText.Of(written), string.Concat(YamlText.Lines(written).Select(line => line.Text + "\n")));
    }

    [Fact]
    public void Say_of_each_line_which_value_begins_on_it() => Assert.Equal(
        [
            "kind: PyTorchJob                       kind leaf",
            "metadata:                              metadata",
            "  labels:                              metadata.labels",
            "    example.com/team: ml               metadata.labels['example.com/team'] leaf",
            "spec:                                  spec",
            "  list:                                spec.list",
            "  - args:                              spec.list[0].args",
            "    - \"--epochs=1\"                     spec.list[0].args[0] leaf",
            "    image: v1                          spec.list[0].image leaf",
            "  - []                                 spec.list[1] leaf",
            "  -                                    spec.list[2]".TrimEnd(),
            "    - 1                                spec.list[2][0] leaf",
            "  - {}                                 spec.list[3] leaf",
        ],
        YamlText.Lines(JsonReading.Parse(Bytes("""
            {"kind":"PyTorchJob","metadata":{"labels":{"example.com/team":"ml"}},"spec":{"list":[{"args":["--epochs=1"],"image":"v1"},[],[1],{}]}}
            """))).Select(line => $"{line.Text,-38} {line.Path}{(line.IsLeaf ? " leaf" : "")}"));

    [Fact]
    public void Are_printed_as_kubectl_prints_them() => Assert.Equal(
        """
        kind: PyTorchJob
        metadata:
          annotations: {}
          creationTimestamp: "2026-11-23T07:58:24Z"
          labels:
            app: my app
            "on": "true"
        spec:
          list:
          - args:
            - "--epochs=1"
            image: registry.example.com:5000/mnist:v1
          - []
          ratio: 1.10
        status: null

        """.ReplaceLineEndings("\n"),
        YamlText.Of(JsonReading.Parse(Bytes("""
            {"kind":"PyTorchJob","metadata":{"annotations":{},"creationTimestamp":"2026-11-23T07:58:24Z","labels":{"app":"my app","on":"true"}},
            "spec":{"list":[{"args":["--epochs=1"],"image":"registry.example.com:5000/mnist:v1"},[]],"ratio":1.10},"status":null}
            """))));

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
