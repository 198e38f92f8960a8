using System.Globalization;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Limits;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.Extensions.Primitives;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>Takes the selected jobs of a namespace back to one moment, in one transaction: all of them or none.</summary>
internal static class JobsRollback
{
    /// <summary>The kind of the body and of the answer.</summary>
    public static readonly ApiResource Resource = JobResource.Audit("pytorchjobs", "pytorchjob", "PyTorchJobsRollback");

    /// <summary>What a body and an answer look like.</summary>
    public static readonly ObjectShape Shape = new(
        ("after", new TextShape(), "Only names behind this one; in an answer: where the next piece begins, if there is one."),
        ("apiVersion", new TextShape(), Resource.GroupVersion),
        ("asOf", new TextShape(), "The moment to go back to (RFC 3339), by the database's clock."),
        ("created", new TextShape("keep", "delete"), "What becomes of jobs that were created since; absent: they are kept."),
        ("deleted", new TextShape("keep", "restore"), "What becomes of jobs that were deleted since; absent: they stay deleted."),
        ("items", new ListShape(new ObjectShape(
            ("action", new TextShape()), ("name", new TextShape()), ("resourceVersion", new TextShape()), ("uid", new TextShape()))),
            "What changed, or would."),
        ("kept", new IntegerShape(), "How many jobs were left as they are."),
        ("kind", new TextShape(), Resource.Kind),
        ("reason", new TextShape(), "Why, in the user's words; kept with each event. 1,024 bytes at most."),
        ("refused", new ListShape(new ObjectShape(("message", new TextShape()), ("name", new TextShape()))),
            "What cannot go back, and why; only in the answer to a dry run."),
        ("revision", new IntegerShape(1), "The revision to go back to, a number or its text."),
        ("unchanged", new IntegerShape(), "How many stand as they stood."));

    private const long BytesMax = 64 << 20;
    private const int PieceMax = 64;
    private const long PieceBytes = 4 << 20;

    /// <summary>POST …/pytorchjobs/rollback.</summary>
    public static async Task<IResult> Post(
        HttpContext http, string @namespace, WholeBatches batches, JobReads reads, TimeProvider clock)
    {
        (Asked? asked, Status? refusal) = await Asked.Read(http, @namespace, reads, clock);
        if (asked is null)
            return refusal!;
        (ActionBody body, JobSelection selection, long? limit, long revision, bool deletes, bool restores) = asked;
        var many = new RollbackOfMany(clock.GetUtcNow(), http.Origin(), revision, restores, deletes);
        if (many.RestoresDeleted && await PastRights.OfMany(http, selection, revision, reads) is { } hidden)
            return hidden;

        string? after = body.Fields.Text("after");
        if (body.Refusal is { } wrong)
            return wrong;
        (Selected? selected, refusal) = await Select(http, selection, after, limit, many, reads);
        if (selected is null)
            return refusal!;
        NamespaceState state = await http.NamespaceState(@namespace);
        RollbackRights rights = await RollbackRights.Ask(http, @namespace, restores, deletes);
        // Before its turn, for which others wait. What the commands are depends on the past and on what was selected, not on the turn.
        foreach (JobKey[] piece in rights.AreOfEachJob ? selected.Pieces : [])
        {
            if (await CommandsOf(piece, http.RequestAborted) is not { } commands)
                return Status.TooManyAtOnce(piece.Length, BytesMax >> 20, "MiB");
            await rights.Check(commands, http.RequestAborted);
        }

        // 10,000 jobs take some seconds, and one that is carried out before this one as many more. Both have times of their own.
        http.Features.Get<IHttpRequestTimeoutFeature>()?.DisableTimeout();
        (IReadOnlyList<CommandVerdict> verdicts, Outcome? failure) = await batches.Execute(
            selected.Pieces, CommandsOf, () => !body.DryRun && rights.Forbidden.Count == 0, http.RequestAborted);
        if (failure is Outcome.TooMuchAtOnce(var jobs))
            return Status.TooManyAtOnce(jobs, BytesMax >> 20, "MiB");
        if (failure is not null)
            return JobAnswers.Of(failure, new JobKey(@namespace, ""), http.TraceIdentifier, _ => Results.Empty);
        (string Name, string Why)[] cannot =
        [
            .. rights.Forbidden.Select(each => (each.Key.Name, each.Value)),
            .. verdicts.Where(verdict => verdict.Why is not null && !rights.Forbidden.ContainsKey(verdict.Key))
                .Select(verdict => (verdict.Key.Name, JobAnswers.Why(verdict.Why!, verdict.Key))),
        ];
        return cannot.Length > 0 && !body.DryRun
            ? Status.NotAllCanGoBack(JobResource.Names, cannot)
            : new JsonReply(200, Print(revision, selected, verdicts, cannot).ToUtf8());

        async Task<IReadOnlyList<JobCommand>?> CommandsOf(JobKey[] piece, CancellationToken stop)
        {
            if (await reads.JobsAt(piece, revision, BytesMax, stop) is not { } past)
                return null; // too large
            return [.. selected.Commands(many, piece, past).Select(each => each.Under(http) with { Namespace = state })];
        }
    }

    private static JsonObject Print(
        long revision, Selected selected, IReadOnlyList<CommandVerdict> verdicts, (string Name, string Why)[] cannot)
    {
        JsonValue[] items = [.. verdicts.Where(verdict => verdict.EventName is not null && verdict.Why is null).Select(Print)];
        JsonObject json = JsonObject.Of(
            ("apiVersion", Resource.GroupVersion),
            ("items", new JsonArray(items)),
            ("kept", selected.Pieces.Sum(piece => piece.Length) - verdicts.Select(verdict => verdict.Key).Distinct().Count()),
            ("kind", Resource.Kind),
            ("revision", revision),
            ("unchanged", verdicts.Count(verdict => verdict.EventName is null && verdict.Why is null)));
        if (cannot.Length > 0)
        {
            json = json.With("refused", new JsonArray(
                [.. cannot.Select(each => (JsonValue)JsonObject.Of(("message", each.Why), ("name", each.Name)))]));
        }

        return selected.After is { } last ? json.With("after", last) : json;
    }

    private static JsonValue Print(CommandVerdict verdict) => JsonObject.Of(
        ("action", RevisionVerbs.OfEventName(verdict.EventName!)),
        ("name", verdict.Key.Name),
        ("resourceVersion", verdict.Revision.ToString(CultureInfo.InvariantCulture)),
        ("uid", verdict.Uid!.Value.ToString()));

    /// <summary>The names: of what lives now and is covered, and of what lived then and was, where it is to be restored.</summary>
    private static async Task<(Selected? Selected, Status? Refusal)> Select(
        HttpContext http, JobSelection selection, string? after, long? limit, RollbackOfMany many, JobReads reads)
    {
        JobRange range = selection.Range with { Behind = after is null ? null : new JobKey(selection.Namespace!, after) };
        if (many.RestoresDeleted)
            range = range with { Containing = [] }; // whatever lives at a name keeps another from being restored there
        int most = (int)Math.Min(limit ?? WholeBatches.CommandsMax, WholeBatches.CommandsMax);
        var names = new RollbackNames(most);
        await using (ListTransaction list = await reads.BeginList(http.RequestAborted))
        {
            if (many.RestoresDeleted)
            {
                await foreach (StoredJob job in list.List(range, Math.Min(many.Revision, list.Head), http.RequestAborted))
                {
                    if (selection.Covers(job) && !names.AddPast(job.Key.Name, job.Utf8.Length))
                        break;
                }
            }

            await foreach (StoredJob job in list.List(range, list.Head, http.RequestAborted))
            {
                bool isSelected = selection.Covers(job);
                names.AddLiving(
                    job.Key.Name, isSelected, job.Utf8.Length, isSelected ? Guid.Parse(JobText.UidOf(job.Utf8.Span)!) : Guid.Empty);
                if (limit is not null && names.Living > most)
                    break;
            }
        }

        (IReadOnlyList<RollbackNames.Name> chosen, string? next) = names.End();
        if (limit is null && next is not null)
            return (null, Status.TooManyAtOnce(names.Count, WholeBatches.CommandsMax));
        return chosen.Sum(each => (long)each.Bytes) > BytesMax
            ? (null, Status.TooManyAtOnce(chosen.Count, BytesMax >> 20, "MiB"))
            : (new Selected(
                [.. Pieces(selection.Namespace!, chosen)], chosen.ToDictionary(each => each.Text, each => each.Uid), next), null);
    }

    /// <summary>The names, in pieces that are decided one after the other.</summary>
    private static IEnumerable<JobKey[]> Pieces(string @namespace, IReadOnlyList<RollbackNames.Name> names)
    {
        (List<JobKey> piece, long bytes) = ([], 0);
        foreach ((string name, int size, _) in names)
        {
            if (piece.Count > 0 && (piece.Count == PieceMax || bytes + size > PieceBytes))
            {
                yield return [.. piece];
                (piece, bytes) = ([], 0);
            }

            piece.Add(new JobKey(@namespace, name));
            bytes += size;
        }

        if (piece.Count > 0)
            yield return [.. piece];
    }

    /// <summary>The parsed request: which jobs go back, and to which revision.</summary>
    /// <param name="Body">The body, of which <c>after</c> is read later: rights come first.</param>
    /// <param name="Selection">The jobs.</param>
    /// <param name="Limit">How many names at most; null for all.</param>
    /// <param name="Revision">The revision to go back to.</param>
    /// <param name="Deletes">Whether jobs that were created since are deleted.</param>
    /// <param name="Restores">Whether jobs that were deleted since are restored.</param>
    private sealed record Asked(ActionBody Body, JobSelection Selection, long? Limit, long Revision, bool Deletes, bool Restores)
    {
        public static async Task<(Asked? Asked, Status? Refusal)> Read(
            HttpContext http, string @namespace, JobReads reads, TimeProvider clock)
        {
            (ActionBody? body, Status? refusal) = await ActionBody.Read(http, Resource, Shape, clock);
            if (body is null)
                return (null, refusal);
            bool deletes = Choice(body, "created", "delete"), restores = Choice(body, "deleted", "restore");
            if ((AuditReason.Missing(http, "rollback") ?? body.Refusal) is { } refused)
                return (null, refused);
            if (!ListOptions.TryRead(http.Request.Query, JobSelection.SelectableFields, out ListOptions? options, out refusal,
                RequestLimits.Of(http).SelectorTerms))
                return (null, refusal);
            (long revision, refusal) = await Moment(http, body, reads);
            if (refusal is not null)
                return (null, refusal);
            var selection = new JobSelection(@namespace, options.Labels, options.Fields);
            return (new Asked(body, selection, options.Limit, revision, deletes, restores), null);
        }

        /// <summary>Whether it is the word, and not "keep", which is also meant where nothing is said.</summary>
        private static bool Choice(ActionBody body, string member, string word)
        {
            string? text = body.Fields.Text(member);
            if (text is not (null or "" or "keep") && text != word)
                body.Refuse("", FieldError.NotSupported(FieldPath.Of(member), text, "keep", word));
            return text == word;
        }

        private static async Task<(long Revision, Status? Refusal)> Moment(HttpContext http, ActionBody body, JobReads reads)
        {
            long? revision = body.Revision("");
            string? asOf = body.Fields.Text(AsOf.Parameter);
            if ((revision is null) == string.IsNullOrEmpty(asOf))
                body.Refuse("", FieldError.Required(FieldPath.Of("revision"), "or asOf, one of the two"));
            if (body.Refusal is { } refused)
                return (0, refused);
            if (revision is { } number)
                return await reads.WaitFor(number, http.RequestAborted) is { } missing
                    ? (0, DatabaseAnswers.Missing(missing))
                    : (number, null);
            (long? stood, Status? refusal) = await AskedMoment.Revision(
                new QueryCollection(new Dictionary<string, StringValues> { [AsOf.Parameter] = asOf }), reads, http.RequestAborted);
            return (stood ?? 0, refusal);
        }
    }

    /// <param name="Pieces">The names, in pieces.</param>
    /// <param name="Living">The uid of the job that lives at each; null for none.</param>
    /// <param name="After">Behind which name there may be more; null when that is all.</param>
    private sealed record Selected(IReadOnlyList<JobKey[]> Pieces, Dictionary<string, Guid?> Living, string? After)
    {
        public IEnumerable<JobCommand> Commands(RollbackOfMany many, JobKey[] piece, Dictionary<JobKey, Job> past) => piece.SelectMany(
            key => many.Commands(key, Living[key.Name], past.GetValueOrDefault(key), Guid.CreateVersion7()));
    }
}
