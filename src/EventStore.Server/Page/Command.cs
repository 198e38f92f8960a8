using EventStore.Domain.Jobs;
using EventStore.Server.Kubernetes;

namespace EventStore.Server.Page;

/// <summary>What a person would type to be told the same.</summary>
/// <param name="Program">The program.</param>
/// <param name="Text">The whole command, for bash or zsh.</param>
public sealed record Command(string Program, string Text)
{
    /// <summary>A kubectl command. Words that need it are quoted, and empty ones left out.</summary>
    public static Command Kubectl(params IEnumerable<string?> words) =>
        new("kubectl", $"kubectl {string.Join(' ', words.Where(word => !string.IsNullOrEmpty(word)).Select(word => Quoted(word!)))}");

    /// <summary>A curl command. The token stays a variable: a command is copied into chats.</summary>
    /// <param name="request">The page's request, whose host it names.</param>
    /// <param name="pathAndQuery">Path and query.</param>
    public static Command Curl(HttpRequest request, string pathAndQuery) => new(
        "curl", $"curl -H \"Authorization: Bearer $TOKEN\" {Quoted($"{request.Scheme}://{request.Host.ToUriComponent()}{pathAndQuery}")}");

    /// <summary>The dry run of a POST below a job, by kubectl and by curl.</summary>
    /// <param name="request">The page's request, whose host curl names.</param>
    /// <param name="job">The path of the job in the API.</param>
    /// <param name="subresource">What is posted to.</param>
    /// <param name="body">What is posted, in JSON.</param>
    public static IReadOnlyList<Command> DryRun(HttpRequest request, string job, string subresource, string body)
    {
        string path = $"{job}/{subresource}?dryRun=All";
        Command posted = Kubectl("create", "--raw", path, "-f", "-"), sent = Curl(request, path);
        return
        [
            posted with { Text = $"{posted.Text} <<<{Quoted(body)}" },
            sent with { Text = $"{sent.Text} -H 'Content-Type: application/json' -d {Quoted(body)}" },
        ];
    }

    /// <summary>The path of a job of the API.</summary>
    public static string PathOf(ApiResource resource, JobKey key) => $"{PathOf(resource, key.Namespace)}/{PageLinks.Escaped(key.Name)}";

    /// <summary>The kubectl option of a namespace, or of all.</summary>
    internal static string[] In(string? @namespace) => @namespace is null ? ["--all-namespaces"] : ["-n", @namespace];

    /// <summary>The path of a collection of the API.</summary>
    public static string PathOf(ApiResource resource, string? @namespace) =>
        resource.Path(@namespace is null ? null : PageLinks.Escaped(@namespace));

    /// <summary>A value in a field selector.</summary>
    internal static string FieldValue(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace(",", "\\,", StringComparison.Ordinal).Replace("=", "\\=", StringComparison.Ordinal);

    /// <summary>
    /// A word as the shell takes it for one, whatever is in it; what cannot be seen is written out, and so is no longer the same.
    /// </summary>
    private static string Quoted(string word) =>
        word.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/' or '=' or ':' or ',')
            ? word
            : $"'{Visible.Of(word).Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
