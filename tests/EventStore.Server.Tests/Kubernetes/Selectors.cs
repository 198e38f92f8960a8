using EventStore.Domain.Json;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Selectors;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using static EventStore.Server.Tests.Kubernetes.SampleRequests;

namespace EventStore.Server.Tests.Kubernetes;

public sealed class Selectors
{
    private static readonly string[] Names = ["metadata.name", "metadata.namespace"];

    [Theory]
    [InlineData("", true)]
    [InlineData("app=test", true)]
    [InlineData("app==test", true)]
    [InlineData("app!=test", false)]
    [InlineData("app in (test, other)", true)]
    [InlineData("app notin (test,other)", false)]
    [InlineData("absent!=x", true)]
    [InlineData("absent notin (x)", true)]
    [InlineData("absent=x", false)]
    [InlineData("absent", false)]
    [InlineData("!absent", true)]
    [InlineData("app", true)]
    [InlineData("!app", false)]
    [InlineData("empty=", true)]
    [InlineData("empty", true)]
    [InlineData("empty in ()", true)]
    [InlineData("empty in (,x)", true)]
    [InlineData("n>6", true)]
    [InlineData("n>7", false)]
    [InlineData("n<8", true)]
    [InlineData("n<7", false)]
    [InlineData("app>1", false)]
    [InlineData("app<1", false)]
    [InlineData("absent<1", false)]
    [InlineData("app=test,n in (7),!absent", true)]
    [InlineData("app=test,n=8", false)]
    [InlineData(" app = test ,\tn notin ( 8 ) ", true)]
    [InlineData("example.com/team=ml", true)]
    [InlineData("in in (notin)", true)]
    public void A_label_selector_selects(string text, bool selected)
    {
        var labels = (JsonObject)JsonValue("""{"app":"test","n":"7","empty":"","example.com/team":"ml","in":"notin"}""");
        Assert.True(LabelSelector.TryParse(text, out LabelSelector selector, out _));
        Assert.Equal(selected, selector.Matches(labels));
    }

    [Fact]
    public void A_job_without_labels_has_none()
    {
        Assert.True(LabelSelector.TryParse("!a,b!=c", out LabelSelector selector, out _));
        Assert.True(selector.Matches(null));
    }

    [Theory]
    [InlineData("a=b=c", "found '=', expected: ',' or 'end of string'")]
    [InlineData("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt")]
    [InlineData(",a", "found ',', expected: !, identifier, or 'end of string'")]
    [InlineData("a,", "found '', expected: identifier after ','")]
    [InlineData("a,,b", "found ',', expected: identifier after ','")]
    [InlineData("!", "unable to parse requirement: found '', expected: identifier")]
    [InlineData("!a=b", "found '=', expected: ',' or 'end of string'")]
    [InlineData("a in b", "unable to parse requirement: found 'b' expected: '('")]
    [InlineData("a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier")]
    [InlineData("a in (b", "unable to parse requirement: found '', expected: ',' or ')'")]
    [InlineData("a in (b,", "unable to parse requirement: found '', expected: ',', or identifier")]
    [InlineData("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'")]
    [InlineData("a=)", "unable to parse requirement: found ')', expected: identifier")]
    [InlineData("a>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer")]
    [InlineData("a/b/c", "unable to parse requirement: <nil>: Invalid value: \"a/b/c\": a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')")]
    [InlineData("a=-", "unable to parse requirement: values[0][a]: Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")]
    public void A_label_selector_that_makes_no_sense_is_400_in_upstream_s_words(string text, string message)
    {
        Assert.False(LabelSelector.TryParse(text, out _, out Status? refusal));
        Assert.Equal((400, "BadRequest", message), (refusal.Code, refusal.Reason, refusal.Message));
    }

    [Fact]
    public void What_stands_behind_a_zero_character_is_not_dropped() =>
        Assert.False(LabelSelector.TryParse("app=test\0,n=8", out _, out _));

    [Fact]
    public void Requirements_are_data_in_the_order_of_their_keys()
    {
        Assert.True(LabelSelector.TryParse("b in (z,a,a),a", out LabelSelector selector, out _));
        Assert.Equal([new("a", LabelOperator.Exists, []), new("b", LabelOperator.In, ["a", "z"])], selector.Requirements);
    }

    [Property(MaxTest = 500)]
    public Property A_label_selector_printed_and_read_again_is_the_same() => Prop.ForAll(Texts, text =>
    {
        if (LabelSelector.TryParse(text, out LabelSelector selector, out _))
        {
            Assert.True(LabelSelector.TryParse(selector.ToString(), out LabelSelector again, out Status? refusal), refusal?.Message);
            Assert.Equal(selector, again);
        }
    });

    [Theory]
    [InlineData("x in (foo,,baz),y,z notin ()", "x in (,baz,foo),y,z notin ()")]
    [InlineData("a==b,c!=d,!e,f>1,g<2,h=", "a=b,c!=d,!e,f>1,g<2,h=")]
    public void A_label_selector_prints_in_its_own_grammar(string text, string printed)
    {
        Assert.True(LabelSelector.TryParse(text, out LabelSelector selector, out _));
        Assert.Equal(printed, selector.ToString());
        Assert.True(LabelSelector.TryParse(printed, out LabelSelector again, out _));
        Assert.Equal(selector, again);
    }

    [Property]
    public void No_text_is_beyond_the_selectors(string? text)
    {
        Assert.Equal(LabelSelector.TryParse(text ?? "", out _, out Status? refusal), refusal is null);
        Assert.Equal(FieldSelector.TryParse(text ?? "", Names, out _, out refusal), refusal is null);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("metadata.name=mnist", true)]
    [InlineData("metadata.name==mnist", true)]
    [InlineData("metadata.name!=mnist", false)]
    [InlineData("metadata.name=mnist,metadata.namespace!=other", true)]
    [InlineData("metadata.name=a\\,b", false)]
    [InlineData(",metadata.name=mnist,", true)]
    public void A_field_selector_selects(string text, bool selected)
    {
        Assert.True(FieldSelector.TryParse(text, Names, out FieldSelector selector, out _));
        Assert.Equal(selected, selector.Matches(field => field == "metadata.name" ? "mnist" : "ns"));
    }

    [Theory]
    [InlineData("spec.foo=1", "field label not supported: spec.foo")]
    [InlineData("=x", "field label not supported: ")]
    [InlineData("x", "invalid selector: 'x'; can't understand 'x'")]
    [InlineData("metadata.name=\\q", "invalid field selector: invalid escape sequence: \\q")]
    [InlineData("metadata.name=a\\", "invalid field selector: invalid escape sequence: \\")]
    [InlineData("metadata.name=a=b", "invalid field selector: unescaped character in value: 61")]
    public void A_field_selector_that_makes_no_sense_is_400_in_upstream_s_words(string text, string message)
    {
        Assert.False(FieldSelector.TryParse(text, Names, out _, out Status? refusal));
        Assert.Equal((400, message), (refusal.Code, refusal.Message));
    }

    [Property]
    public void A_field_selector_printed_and_read_again_is_the_same(string? value)
    {
        var selector = new FieldSelector([new("metadata.name", true, value ?? ""), new("metadata.namespace", false, value ?? "")]);
        Assert.True(FieldSelector.TryParse(selector.ToString(), Names, out FieldSelector again, out Status? refusal), refusal?.Message);
        Assert.Equal(selector, again);
        Assert.Equal(value ?? "", again.ExactValue("metadata.name"));
        Assert.Null(again.ExactValue("metadata.namespace"));
    }

    /// <summary>Texts of the grammar's own pieces, about half of them selectors.</summary>
    private static Arbitrary<string> Texts => Arb.From(
        from terms in Gen.OneOf(Term, Term, Term, Piece).ListOf()
        select string.Join(',', terms));

    private static Gen<string> Key => Gen.Elements("a", "B-1", "x.y/z_9", "in", "notin");

    private static Gen<string> Value => Gen.Elements("", "a", "B.2", "in", "7", " 12 ");

    private static Gen<string> Piece => Gen.Elements("=", "!", "(", "in", "", "a b", "-");

    private static Gen<string> Term => Gen.OneOf(
        Key,
        from key in Key select "! " + key,
        from key in Key from sign in Gen.Elements("=", "==", "!=", ">", " < ") from value in Value select key + sign + value,
        from key in Key
        from word in Gen.Elements(" in ", "  notin")
        from values in Value.ListOf()
        select $"{key}{word}({string.Join(',', values)})");

    [Fact]
    public void Equal_terms_are_one()
    {
        Assert.True(LabelSelector.TryParse(
            "a,b=1," + string.Join(',', Enumerable.Repeat("a,b=1,b in (2,1,2),b in (1,2)", 500)), out LabelSelector selector, out _));
        Assert.Equal("a,b=1,b in (1,2)", selector.ToString());
        Assert.True(
            FieldSelector.TryParse(string.Join(',', Enumerable.Repeat("metadata.name=x", 500)), Names, out FieldSelector fields, out _));
        Assert.Equal("metadata.name=x", fields.ToString());
    }

    [Theory]
    [InlineData(4, null)]
    [InlineData(5, "the label selector has 5 different terms and values; at most 4 are allowed")]
    public void Terms_have_a_limit_and_each_value_of_a_set_counts(int count, string? refusal)
    {
        foreach (string text in (string[])
            [Terms(count, "k{0}"), $"k in ({Terms(count, "v{0}")})", "a," + $"k notin ({Terms(count - 1, "v{0}")})"])
        {
            Assert.Equal(refusal is null, LabelSelector.TryParse(text, out _, out Status? refused, termsMax: 4));
            Assert.Equal(refusal, refused?.Message);
        }

        Assert.Equal(
            refusal is null, FieldSelector.TryParse(Terms(count, "metadata.name!=v{0}"), Names, out _, out Status? wrong, termsMax: 4));
        Assert.Equal(refusal?.Replace("label", "field", StringComparison.Ordinal), wrong?.Message);
    }

    [Theory]
    [InlineData("k{0}")]
    [InlineData("!k{0}")]
    [InlineData("k{0}=v")]
    [InlineData("k=v{0}")]
    public void Reading_costs_in_proportion_to_the_terms(string term)
    {
        long some = Allocated(() => _ = LabelSelector.TryParse(Terms(2000, term), out _, out _, int.MaxValue));
        long more = Allocated(() => _ = LabelSelector.TryParse(Terms(8000, term), out _, out _, int.MaxValue));
        Assert.True(more < 5 * some, $"{some} and {more} bytes");
        some = Allocated(() => _ = FieldSelector.TryParse(
            Terms(2000, "metadata.name!=" + term.Trim('!').Replace('=', '-')), Names, out _, out _, int.MaxValue));
        more = Allocated(() => _ = FieldSelector.TryParse(
            Terms(8000, "metadata.name!=" + term.Trim('!').Replace('=', '-')), Names, out _, out _, int.MaxValue));
        Assert.True(more < 5 * some, $"{some} and {more} bytes");
    }

    private static string Terms(int count, string form) =>
        string.Join(',', Enumerable.Range(0, count).Select(i => string.Format(System.Globalization.CultureInfo.InvariantCulture, form, i)));

    /// <summary>
    /// Work that can be counted: what grows faster than its input also allocates faster here, for every term is an object.
    /// </summary>
    private static long Allocated(Action run)
    {
        run();
        long before = GC.GetAllocatedBytesForCurrentThread();
        run();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
