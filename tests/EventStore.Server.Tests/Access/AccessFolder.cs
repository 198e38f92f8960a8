using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Access.Files;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EventStore.Server.Tests.Access;

/// <summary>A folder with the files that say who may enter and do what.</summary>
internal sealed class AccessFolder : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("es-access-").FullName;

    public string TokenPath => Path.Combine(root, "tokens.csv");

    public string RulesPath => Directory.CreateDirectory(Path.Combine(root, "rules")).FullName;

    public string PathOf(string name) => Path.Combine(root, name);

    public Followed<TokenFile> Tokens(string text, ILogger? log = null, TimeProvider? time = null)
    {
        File.WriteAllText(TokenPath, text);
        return Open("authentication-tokens", new SourceFiles(TokenPath), files => TokenFile.Read(files[0]), log, time);
    }

    public Followed<RoleBindings> Rules(string? yaml = null, ILogger? log = null)
    {
        if (yaml is not null)
            File.WriteAllText(Path.Combine(RulesPath, "rules.yaml"), yaml);
        return Open("authorization-rules", new SourceFiles(RulesPath, ".yaml", ".yml", ".json"), RuleFile.Read, log);
    }

    public Followed<ClientAuthorities> Authorities(string pem, string name = "client-ca")
    {
        File.WriteAllText(PathOf($"{name}.pem"), pem);
        return Open($"authentication-{name}", new SourceFiles(PathOf($"{name}.pem")), files => ClientAuthorities.Read(files[0]), null);
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    private static Followed<T> Open<T>(
        string name, SourceFiles files, Func<IReadOnlyList<SourceText>, Reading<T>> parse, ILogger? log, TimeProvider? time = null)
        where T : class
    {
        (Followed<T>? followed, string? wrong) = Followed<T>.Open(name, files, parse, log ?? NullLogger.Instance, time);
        Assert.True(followed is not null, wrong);
        return followed;
    }
}
