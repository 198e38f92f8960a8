using EventStore.Server.Access;

namespace EventStore.Server.Telemetry;

/// <summary>What was refused is recorded as what was done is: a counter for those who watch, and a line that says who wanted what.</summary>
public static partial class Denials
{
    /// <summary>The category of the lines.</summary>
    public const string Category = "EventStore.Server.Denied";

    /// <summary>Records a 403.</summary>
    public static void Record(HttpContext http, AccessRequest asked)
    {
        Signals.CountDenied(asked.Verb, asked.IsResource ? Resource(asked) : string.Empty);
        ILogger log = http.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(Category);
        if (asked.IsResource)
        {
            ToResource(
                log, Clean(Caller.Of(http.User).Name), Clean(asked.Verb), Resource(asked), Clean(asked.Namespace), Clean(asked.Name), http.TraceIdentifier);
        }
        else
        {
            ToPath(log, Clean(Caller.Of(http.User).Name), Clean(asked.Verb), Clean(asked.Path), http.TraceIdentifier);
        }
    }

    private static string Resource(AccessRequest asked) =>
        asked.Subresource is "" or not ("status" or "rollback") ? asked.Resource : $"{asked.Resource}/{asked.Subresource}";

    /// <summary>The client's words: a line break or an escape of the terminal's in them would let it write lines of its own.</summary>
    private static string Clean(string? words) => words is null or "" ? "-" : words.Any(char.IsControl) ? Uri.EscapeDataString(words) : words;

    [LoggerMessage(LogLevel.Information, "Denied: {User} may not {Verb} {Resource}, namespace {Namespace}, name {Name}, request {Id}")]
    private static partial void ToResource(ILogger log, string user, string verb, string resource, string @namespace, string name, string id);

    [LoggerMessage(LogLevel.Information, "Denied: {User} may not {Verb} {Path}, request {Id}")]
    private static partial void ToPath(ILogger log, string user, string verb, string path, string id);
}
