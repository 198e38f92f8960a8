using System.Buffers;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Audit;

/// <summary>Revisions in the form a client wants.</summary>
/// <param name="Form">The form.</param>
/// <param name="Clock">Tells the time ages are counted to.</param>
internal sealed record RevisionView(ObjectView Form, TimeProvider Clock)
{
    private static readonly ObjectKind Kind = new(RevisionEndpoints.Resource, Table.Columns(
        new("Name", "string", "name", "The job's name with the revision behind it.", 0),
        new("Verb", "string", "", "What was done.", 0),
        new("User", "string", "", "Who did it.", 0),
        new("Changed", "string", "", "The fields that changed, without metadata. and spec.; as many as fit.", 0),
        new("Age", "date", "", "How long ago it was committed.", 0),
        new("Time", "string", "", "When it was committed.", 1),
        new("Source", "string", "", "The address the request came from.", 1),
        new("User Agent", "string", "", "The program it came from.", 1),
        new("Impersonated By", "string", "", "Who sent the request on behalf of the user.", 1),
        new("Reason", "string", "", "Why, in the user's words.", 1)));

    /// <summary>Reads what the client wants.</summary>
    public static bool TryRead(HttpContext http, bool isList, TimeProvider clock, out RevisionView view, out Status? refusal)
    {
        bool read = ObjectView.TryRead(http, Kind, isList, out ObjectView form, out refusal);
        view = new RevisionView(form, clock);
        return read;
    }

    /// <summary>One revision standing alone: the answer to a GET, the object of a watch's frame.</summary>
    /// <param name="revision">The revision.</param>
    /// <param name="job">The job after it, if it is to be shown.</param>
    public ReadOnlyMemory<byte> Alone(Revision revision, JsonValue? job = null) =>
        Form.Alone(revision.Number, RevisionJson.Print(revision, job), _ => Cells(revision));

    /// <summary>Writes one revision as an item of a list.</summary>
    public void WriteItem(Revision revision, IBufferWriter<byte> to)
    {
        using JsonPrinter printer = JsonPrinter.Take();
        Form.WriteItem(
            printer.Writer, () => Cells(revision), json => RevisionJson.Write(json, revision),
            json => RevisionJson.WriteMetadata(json, revision));
        printer.CopyTo(to);
    }

    private JsonValue[] Cells(Revision revision) =>
    [
        revision.Name,
        RevisionVerbs.Of(revision.Event),
        revision.Origin.User,
        ChangedColumn.Of(revision.Event),
        Age.Since(revision.Time, Clock.GetUtcNow()),
        RevisionJson.Time(revision),
        revision.Origin.SourceAddress,
        revision.Origin.UserAgent,
        revision.Origin.ImpersonatedBy?.User ?? "",
        revision.Origin.Reason ?? "",
    ];
}
