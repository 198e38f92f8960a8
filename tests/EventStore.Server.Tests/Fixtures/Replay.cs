using System.Text;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>What a watch sends: one line.</summary>
/// <param name="Type">ADDED, MODIFIED, DELETED, BOOKMARK or ERROR.</param>
/// <param name="Revision">The object's resourceVersion.</param>
/// <param name="Object">The object as it was sent, byte for byte.</param>
internal sealed record Frame(string Type, long Revision, string Object);

/// <summary>
/// The truth the tests compare with: the whole event table, folded from the first event to the last. It goes forward only and asks for
/// no current row, so it shares nothing with the server's ways into the past but the meaning of an event.
/// </summary>
internal sealed class Replay
{
    private readonly List<(Job? Before, Job After)> steps = [];
    private readonly Dictionary<Job, string> texts = new(ReferenceEqualityComparer.Instance);

    /// <summary>The last revision.</summary>
    public long Head => steps.Count == 0 ? 1 : steps[^1].After.Revision;

    /// <summary>Every revision, in order.</summary>
    public IEnumerable<long> Revisions => steps.Select(step => step.After.Revision);

    /// <summary>Every job there ever was.</summary>
    public IEnumerable<JobKey> Keys => steps.Select(step => step.After.Key).Distinct();

    /// <summary>Every incarnation, each as it was after each of its events.</summary>
    public IEnumerable<IReadOnlyList<Job>> Lives =>
        steps.GroupBy(step => step.After.Uid).Select(life => life.Select(step => step.After).ToArray());

    /// <summary>Reads and folds the table.</summary>
    public static async Task<Replay> Of(TestDatabase database)
    {
        var replay = new Replay();
        var jobs = new Dictionary<Guid, Job>();
        await using NpgsqlCommand command = database.OwnerSource.CreateCommand(
            "SELECT seq_id, stream_id, type, data::text FROM eventstore.mt_events ORDER BY seq_id");
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            Job? before = jobs.GetValueOrDefault(reader.GetGuid(1));
            Job after = Job.Evolve(before, EventCodec.Read(reader.GetString(2), reader.GetString(3)), reader.GetInt64(0));
            jobs[after.Uid] = after;
            replay.steps.Add((before, after));
        }

        return replay;
    }

    /// <summary>The jobs that lived at the revision, in the order of the bytes of "namespace/name".</summary>
    public IEnumerable<Job> At(long revision) => steps.TakeWhile(step => step.After.Revision <= revision)
        .GroupBy(step => step.After.Key)
        .Select(life => life.Last().After)
        .Where(job => !job.Deleted)
        .OrderBy(job => job.Key.ToString(), StringComparer.Ordinal);

    /// <summary>What a watch sends that begins with what there was at the revision.</summary>
    public IEnumerable<Frame> Initial(Func<Job, bool> covers, long revision) =>
        At(revision).Where(covers).Select(job => Frame("ADDED", job));

    /// <summary>What a watch sends of the changes behind the revision.</summary>
    public IEnumerable<Frame> Changes(Func<Job, bool> covers, long after)
    {
        foreach ((Job? before, Job now) in steps.Where(step => step.After.Revision > after))
        {
            switch (before is not null && covers(before), !now.Deleted && covers(now))
            {
                case (false, true):
                    yield return Frame("ADDED", now);
                    break;
                case (true, true):
                    yield return Frame("MODIFIED", now);
                    break;
                case (true, false):
                    yield return Frame("DELETED", now.Deleted ? now : before! with { Revision = now.Revision });
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>The bytes an answer shows of a job.</summary>
    public static string Text(Job job) => Encoding.UTF8.GetString(JobText.Of(job).ToUtf8(job.Revision));

    private Frame Frame(string type, Job job)
    {
        if (!texts.TryGetValue(job, out string? text))
            texts[job] = text = Text(job);
        return new Frame(type, job.Revision, text);
    }
}
