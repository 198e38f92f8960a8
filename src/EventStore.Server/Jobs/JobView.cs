using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>Jobs in the form a client wants.</summary>
/// <param name="Form">The form.</param>
/// <param name="Clock">Tells the time ages are counted to.</param>
internal sealed record JobView(ObjectView Form, TimeProvider Clock)
{
    /// <summary>Reads what the client wants.</summary>
    public static bool TryRead(HttpContext http, bool isList, TimeProvider clock, out JobView view, out Status? refusal)
    {
        bool read = ObjectView.TryRead(http, JobTable.Kind, isList, out ObjectView form, out refusal);
        view = new JobView(form, clock);
        return read;
    }

    /// <summary>One job standing alone: the answer to a GET, the object of a watch's frame.</summary>
    public ReadOnlyMemory<byte> Alone(StoredJob job) => Form.IsPlain ? job.Utf8 : AloneInForm(job);

    /// <summary>One job as an item of a list.</summary>
    public ReadOnlyMemory<byte> Item(StoredJob job) => Form.IsPlain ? job.Utf8 : ItemInForm(job);

    /// <summary>The job a command left, in this form.</summary>
    public ReadOnlyMemory<byte> Alone(Outcome.Done done) =>
        Alone(new StoredJob(done.Job.Key, done.Job.Revision, done.Utf8, Clock.GetUtcNow()));

    // Of their own: a method with a closure makes it at every call, and most calls have no need of one.
    private ReadOnlyMemory<byte> AloneInForm(StoredJob job) =>
        Form.Alone(job.Revision, job.Utf8, manifest => JobTable.Cells(job, manifest, Clock.GetUtcNow()));

    private ReadOnlyMemory<byte> ItemInForm(StoredJob job) =>
        Form.Item(job.Utf8, manifest => JobTable.Cells(job, manifest, Clock.GetUtcNow()));
}
