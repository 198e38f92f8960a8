using System.Diagnostics.Metrics;
using EventStore.Server.Access;

namespace EventStore.Server.Telemetry;

/// <summary>What was refused is recorded as what was done is: a counter for those who watch, and a line that says who wanted what.</summary>
public static partial class Denials
{
    /// <summary>The category of the lines.</summary>
    public const string Category = "EventStore.Server.Denied";

    private static readonly Meter Meter = new("eventstore");
    private static readonly Counter<long> Denied = Meter.CreateCounter<long>("eventstore.denied", "{request}", "Requests refused with 403.");

    private static readonly string[] Verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "head", "post", "put"];

    /// <summary>Records a 403.</summary>
    public static void Record(HttpContext http, AccessRequest asked)
    {
        // A method may be any word, and every new one would be a new time series.
        string verb = Verbs.Contains(asked.Verb) ? asked.Verb : "other";
        Denied.Add(1, new("verb", verb), new("resource", Resource(asked)));
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
        !asked.IsResource ? "path" : asked.Subresource is "" or not ("status" or "rollback") ? asked.Resource : $"{asked.Resource}/{asked.Subresource}";

    /// <summary>The client's words: a line break or an escape of the terminal's in them would let it write lines of its own.</summary>
    private static string Clean(string? words) => words is null or "" ? "-" : words.Any(char.IsControl) ? Uri.EscapeDataString(words) : words;

    [LoggerMessage(LogLevel.Information, "Denied: {User} may not {Verb} {Resource}, namespace {Namespace}, name {Name}, request {Id}")]
    private static partial void ToResource(ILogger log, string user, string verb, string resource, string @namespace, string name, string id);

    [LoggerMessage(LogLevel.Information, "Denied: {User} may not {Verb} {Path}, request {Id}")]
    private static partial void ToPath(ILogger log, string user, string verb, string path, string id);
}
