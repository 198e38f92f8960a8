using System.Text.RegularExpressions;
using EventStore.Server.Store.History;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Audit;

/// <summary>The statement that stands in a comment, for whoever reads the parts it is made of, is the one that is sent.</summary>
public sealed partial class Statement_of_the_history
{
    [Fact]
    public void Is_sent_as_the_comment_shows_it()
    {
        RevisionQuery query = new RevisionQuery()
            .And(new RevisionCondition(RevisionField.Namespace, true, ["team-a"]))
            .And(new RevisionCondition(RevisionField.User, true, ["alice"]));
        using var command = new NpgsqlCommand();
        IndexIntersection.Write(command, query, [], 100, 1000);
        Assert.Equal([["team-a/"], ["alice"]], command.Parameters.Skip(3).Take(2).Select(parameter => (string[])parameter.Value!));

        string source = Repository.Read("src/EventStore.Server/Store/History/IndexIntersection.cs");
        Assert.Equal(OnOneLine(command.CommandText), OnOneLine(Commented().Match(source).Groups["statement"].Value.Replace("//", "")));
    }

    private static string OnOneLine(string sql) => Spaces().Replace(sql, " ").Replace("( ", "(").Replace(" )", ")").Trim();

    [GeneratedRegex(@"// For namespace=team-a,user=alice.*:\n\s*//\n(?<statement>(\s*// .+\n)+)")]
    private static partial Regex Commented();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
