using System.Globalization;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Resources;
using EventStore.Server.Store.Activities;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Activities;

/// <summary>Activity in the form a client wants: objects, or the rows of a table whose columns are what was asked for.</summary>
internal sealed record ActivityView(ObjectView Form, ActivityQuestion Question, TimeProvider Clock)
{
    private static readonly Dictionary<string, TableColumn> Columns = new()
    {
        [nameof(ActivityCount.Day)] = new("Day", "string", "", "The day, in UTC.", 0),
        [nameof(ActivityCount.Namespace)] = new("In", "string", "", "The namespace of the jobs.", 0),
        [nameof(ActivityCount.UserName)] = new("User", "string", "", "Who did it.", 0),
        [nameof(ActivityCount.Type)] = new("Verb", "string", "", "What was done.", 0),
        [nameof(ActivityCount.Field)] = new("Field", "string", "", "What was changed.", 0),
    };

    private static readonly TableColumn[] OfJobs =
    [
        new("Name", "string", "name", "The job's name.", 0),
        new("State", "string", "", "The type of the last of status.conditions.", 0),
        new("Created", "date", "", "How long ago it was created.", 0),
        new("Finished", "string", "", "status.completionTime, else when it was deleted.", 0),
        new("Changes", "integer", "", "How many revisions it has.", 0),
        new("Last Change", "date", "", "How long ago the last one was.", 0),
        new("Created By", "string", "", "Who created it.", 1),
        new("UID", "string", "", "Which job of that name.", 1),
    ];

    /// <summary>The columns of an answer.</summary>
    public static ObjectKind Kind(ActivityQuestion question) => new(ActivityEndpoints.Resource, Table.Columns(question.OfJobs
        ? OfJobs
        : question.Query.By.Select(name => Columns[name]).Append(new TableColumn("Count", "integer", "", "How many changes.", 0))));

    /// <summary>Counts in the order they are shown in: the latest day first, then the highest count, then by name.</summary>
    public static IEnumerable<ActivityCount> InOrder(IEnumerable<ActivityCount> counts) => counts
        .OrderByDescending(count => count.Day)
        .ThenByDescending(count => count.Count)
        .ThenBy(count => $"{count.Namespace}/{count.UserName}/{count.Type}/{count.Field}", StringComparer.Ordinal);

    /// <summary>A count as an item of the list.</summary>
    public ReadOnlyMemory<byte> Item(ActivityCount count)
    {
        string @namespace = Question.Query.Namespace ?? count.Namespace;
        var item = JsonObject.Of(
            ("apiVersion", ActivityEndpoints.Resource.GroupVersion),
            ("count", count.Count),
            ("kind", ActivityEndpoints.Resource.Kind),
            ("metadata", @namespace.Length == 0 ? JsonObject.Empty : JsonObject.Of(("namespace", @namespace))));
        foreach (string member in Question.Query.By)
        {
            item = member switch
            {
                nameof(ActivityCount.Day) => item.With("day", Cell(count, member)),
                nameof(ActivityCount.UserName) => item.With("user", Cell(count, member)),
                nameof(ActivityCount.Type) => item.With("verb", Cell(count, member)),
                nameof(ActivityCount.Field) => item.With("field", Cell(count, member)),
                _ => item,
            };
        }

        return Form.Item(item, _ => [.. Question.Query.By.Select(member => Cell(count, member)), count.Count]);
    }

    /// <summary>A job's line as an item of the list.</summary>
    public ReadOnlyMemory<byte> Item(JobActivity job)
    {
        JsonText? finished = job.Completed is { } completed ? new JsonText(completed) : job.Deleted is { } deleted ? Time(deleted) : null;
        var item = JsonObject.Of(
            ("apiVersion", ActivityEndpoints.Resource.GroupVersion),
            ("changes", job.Changes),
            ("created", Time(job.Created)),
            ("createdBy", job.CreatedBy),
            ("job", job.Name),
            ("kind", ActivityEndpoints.Resource.Kind),
            ("lastChange", Time(job.Changed)),
            ("lastRevision", job.Revision),
            ("metadata", JsonObject.Of(("name", job.Name), ("namespace", job.Namespace))),
            ("uid", job.Id.ToString()));
        item = item.WithOrWithout("deleted", job.Deleted is { } gone ? Time(gone) : null)
            .WithOrWithout("finished", finished)
            .WithOrWithout("state", job.State is { } state ? new JsonText(state) : null);
        DateTimeOffset now = Clock.GetUtcNow();
        return Form.Item(item, _ =>
        [
            job.Name, item["state"] ?? JsonNull.Value, Age.Since(job.Created, now), item["finished"] ?? JsonNull.Value, job.Changes,
            Age.Since(job.Changed, now), job.CreatedBy, job.Id.ToString(),
        ]);
    }

    private static JsonValue Cell(ActivityCount count, string member) => member switch
    {
        nameof(ActivityCount.Day) => count.Day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        nameof(ActivityCount.Namespace) => count.Namespace,
        nameof(ActivityCount.UserName) => count.UserName,
        nameof(ActivityCount.Type) => RevisionVerbs.OfEventName(count.Type),
        _ => count.Field,
    };

    private static JsonText Time(DateTimeOffset time) =>
        new(Rfc3339.Exact(time));
}
