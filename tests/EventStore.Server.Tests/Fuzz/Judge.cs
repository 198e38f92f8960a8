using System.Text;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Jobs;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Kubernetes.Selectors;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Tests.Fuzz;

/// <summary>How often an input was taken for what it might be, and how often it was refused.</summary>
internal readonly record struct Verdict(int Accepted, int Refused);

/// <summary>What must hold of every input, with no server and no database; an input of which it does not hold throws.</summary>
internal static class Judge
{
    private static readonly Job Given = Job.Evolve(
        null, ((Decision.Accepted)JobDecider.Decide(null, (CreateJob)InProcess.Create("fuzz"))).Event, 7);
    private static readonly string Before = Given.Manifest.ToString();
    private static readonly JsonObject Labels = JsonObject.Of(("team", (JsonValue)"ml"), ("priority", (JsonValue)"7"));

    /// <summary>A patch of a job and of its status: it is refused as a client's mistake, or changes only what it may.</summary>
    public static Verdict Patch(byte[] input)
    {
        if (!BodyJson.TryParsePatch(input, JobResource.Names, "fuzz", out JsonObject? patch, out Status? refusal, out _))
        {
            AssertRefusal(refusal);
            return new Verdict(0, 1);
        }

        (int accepted, int refused) = (0, 0);
        foreach (JobCommand command in (JobCommand[])[new PatchJob(Given.Key, default, InProcess.Origin, patch), new PatchStatus(
            Given.Key, default, InProcess.Origin, patch)])
        {
            switch (JobDecider.Decide(Given, command))
            {
                case Decision.Accepted(var happened):
                    AssertChangesOnly(Given, Job.Evolve(Given, happened, 9), isStatus: command is PatchStatus);
                    accepted++;
                    break;
                case Decision.Refused(var why):
                    AssertRefusal((Status)JobAnswers.Of(
                        new Outcome.Refused(why), Given.Key, "id", _ => throw new InvalidOperationException("a refusal is not done")));
                    refused++;
                    break;
            }
        }

        Assert.Equal(Before, Given.Manifest.ToString());
        return new Verdict(accepted, refused);
    }

    /// <summary>The text as each thing a query's parameter or a header may hold: it is read, or refused as a client's mistake.</summary>
    public static Verdict Selector(byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        (int read, int refused) = (0, 0);
        if (LabelSelector.TryParse(text, out LabelSelector selector, out Status? refusal))
        {
            selector.Matches(Labels);
            selector.Matches(null);
            read++;
        }
        else
        {
            AssertRefusal(refusal);
            refused++;
        }

        if (FieldSelector.TryParse(text, JobSelection.SelectableFields, out FieldSelector fields, out refusal))
        {
            fields.Matches(field => field);
            read++;
        }
        else
        {
            AssertRefusal(refusal);
            refused++;
        }

        if (!ContinueToken.TryParse(text, out _, out refusal))
            AssertRefusal(refusal);
        AcceptClause.Parse(text);
        return new Verdict(read, refused);
    }

    /// <summary>The job without the five fields, without the status and without what counts its changes.</summary>
    public static JsonObject Fixed(JsonValue manifest)
    {
        var job = ((JsonObject)manifest).Without("status");
        var metadata = (JsonObject)job["metadata"]!;
        var spec = (JsonObject)job["spec"]!;
        return job
            .With("metadata", metadata.Without("labels").Without("annotations").Without("generation").Without("resourceVersion"))
            .With("spec", spec.Without("activeDeadlineSeconds").Without("ttlSecondsAfterFinished").Without("cleanPodPolicy"));
    }

    private static void AssertRefusal(Status? refusal) =>
        Assert.True(
            refusal is { Code: >= 400 and < 500 } && refusal.ToUtf8().Length < 64 * 1024,
            $"{refusal?.Code}, {refusal?.ToUtf8().Length} bytes");

    private static void AssertChangesOnly(Job before, Job after, bool isStatus)
    {
        byte[] text = JobText.Of(after).ToUtf8(after.Revision); // as it is answered and stored: it must be readable
        Assert.Equal(after.Manifest.Without("metadata"), ((JsonObject)JsonReading.Parse(text)).Without("metadata"));
        bool same = isStatus
            ? before.Manifest.Without("status").Equals(after.Manifest.Without("status"))
            : Fixed(before.Manifest).Equals(Fixed(after.Manifest)) && Equals(before.Manifest["status"], after.Manifest["status"]);
        Assert.True(same, $"it changed what may not be changed: {after.Manifest}");
    }
}
