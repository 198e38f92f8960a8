using System.Security.Claims;
using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using FsCheck.Xunit;

namespace EventStore.Server.Tests.Access;

public sealed class Token_file
{
    [Fact]
    public void A_line_is_a_token_a_name_a_uid_and_groups()
    {
        TokenFile file = Read("t0,admin,1,\"system:masters, ops\"\r\n\r\nt1,alice,2\n\"t,\"\"2\",\"bob\nsmith\",3,dev,ignored");
        Assert.Equal(3, file.Count);
        Says(file.Find("t0"), "admin", "1", "system:masters", "ops", "system:authenticated");
        Says(file.Find("t1"), "alice", "2", "system:authenticated");
        Says(file.Find("t,\"2"), "bob\nsmith", "3", "dev", "system:authenticated");
    }

    [Theory]
    [InlineData("nope")]
    [InlineData("")]
    [InlineData("T0")]
    [InlineData("t0 ")]
    public void A_token_that_is_not_there_belongs_to_nobody(string token) => Assert.Null(Read("t0,admin,1").Find(token));

    [Theory]
    [InlineData("t0,admin", "line 1: at least 3 columns are needed (token, user name, user uid), found 2")]
    [InlineData("t0,admin,1\n\n# no comments\n", "line 3: at least 3 columns are needed (token, user name, user uid), found 1")]
    [InlineData("t0,a,1\n\"t1\",\"b\nc\",2\nt0,d,3", "line 4: the token stands in an earlier line already")]
    [InlineData(",admin,1", "line 1: the token is empty")]
    [InlineData("t0,,1", "line 1: the user name is empty")]
    [InlineData("t0,ad\0min,1", "line 1: the user name contains U+0000")]
    [InlineData("t0,admin,1\0", "line 1: the uid contains U+0000")]
    [InlineData("t0,admin,1,\"dev,o\0ps\"", "line 1: the group contains U+0000")]
    [InlineData("t0,ad\"min,1", "line 1: a quote in a field that does not begin with one")]
    [InlineData("t0,\"admin\"x,1", "line 1: text behind a quoted field")]
    [InlineData("ok,a,1\nt0,\"admin,1\n", "line 2: a quoted field that does not end")]
    public void What_is_wrong_is_said_with_its_line_and_without_the_token(string text, string wrong)
    {
        Assert.False(TokenFile.TryParse(text, out _, out string? said));
        Assert.Equal(wrong, said);
    }

    [Fact]
    public void A_new_token_is_256_bits_safe_in_a_URL_and_never_the_same()
    {
        string token = TokenFile.NewToken();
        Assert.Matches("^[A-Za-z0-9_-]{43}$", token);
        Assert.NotEqual(token, TokenFile.NewToken());
    }

    [Property]
    public void A_line_that_was_written_can_be_read(string? token, string? name)
    {
        var caller = new Caller("n" + name, "1", ["a", "b"]);
        string line = TokenFile.Line("t" + token, caller);
        if (caller.Fault() is { } fault)
        {
            Assert.False(TokenFile.TryParse(line, out _, out string? wrong));
            Assert.EndsWith(fault, wrong, StringComparison.Ordinal);
            return;
        }

        Says(Read(line).Find("t" + token), "n" + name, "1", "a", "b", "system:authenticated");
    }

    [Property]
    public void No_text_is_beyond_an_answer(string? text) =>
        Assert.Equal(TokenFile.TryParse(text ?? "", out _, out string? wrong), wrong is null);

    private static TokenFile Read(string text)
    {
        Assert.True(TokenFile.TryParse(text, out TokenFile? file, out string? wrong), wrong);
        return file;
    }

    private static void Says(ClaimsPrincipal? principal, string name, string uid, params string[] groups)
    {
        Assert.NotNull(principal);
        Caller caller = Caller.Of(principal);
        Assert.Equal((name, uid), (caller.Name, caller.Uid));
        Assert.Equal(groups, caller.Groups);
    }
}
