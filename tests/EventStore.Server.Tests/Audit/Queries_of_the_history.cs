using System.Text.Json.Nodes;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Audit;

/// <summary>
/// Each query, compared with what it means: all revisions, less those that are not asked for. In one page and in pages of two, the newest
/// first and the oldest first.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Queries_of_the_history(Queries_of_the_history.Story story) : IClassFixture<Queries_of_the_history.Story>
{
    private const string Everywhere = "/apis/audit.eventstore.io/v1/pytorchjobrevisions";

    private static readonly Dictionary<string, Func<JsonNode, bool>> Meanings = new()
    {
        [""] = _ => true,
        ["labelSelector=job=mnist"] = each => Text(each, "job") == "mnist",
        ["labelSelector=job in (mnist,bert)"] = each => Text(each, "job") is "mnist" or "bert",
        ["labelSelector=job in (bert,absent)"] = each => Text(each, "job") is "bert",
        ["labelSelector=job!=mnist"] = each => Text(each, "job") != "mnist",
        ["labelSelector=job notin (mnist,bert)"] = each => Text(each, "job") is not ("mnist" or "bert"),
        ["labelSelector=job=absent"] = _ => false,
        ["labelSelector=job,uid,verb"] = _ => true,
        ["labelSelector=!job"] = _ => false,
        ["labelSelector=verb=Patched"] = each => Text(each, "verb") == "Patched",
        ["labelSelector=verb!=StatusUpdated"] = each => Text(each, "verb") != "StatusUpdated",
        ["labelSelector=verb in (Created,Deleted)"] = each => Text(each, "verb") is "Created" or "Deleted",
        ["labelSelector=verb notin (Created,Deleted,StatusUpdated)"] = each =>
            Text(each, "verb") is not ("Created" or "Deleted" or "StatusUpdated"),
        ["labelSelector=verb in (Created,Deleted)&fieldSelector=verb=Deleted"] = each => Text(each, "verb") == "Deleted",
        ["labelSelector=job=mnist,verb=Patched"] = each => Text(each, "job") == "mnist" && Text(each, "verb") == "Patched",
        ["labelSelector=uid=FIRST"] = each => Text(each, "uid") == "FIRST",
        ["labelSelector=uid in (FIRST,SECOND)"] = each => Text(each, "uid") is "FIRST" or "SECOND",
        ["labelSelector=uid!=FIRST"] = each => Text(each, "uid") != "FIRST",
        ["labelSelector=uid=FIRST,job=bert"] = _ => false,
        ["labelSelector=uid=01a20a53-f2d8-7112-a5fa-392aae952a7a"] = _ => false,
        ["fieldSelector=uid=SECOND,user=bob@example.com"] = each => Text(each, "uid") == "SECOND" && User(each) == "bob@example.com",
        ["fieldSelector=user=system:admin"] = each => User(each) == "system:admin",
        ["fieldSelector=user!=system:admin"] = each => User(each) != "system:admin",
        ["fieldSelector=user=a\\,b\\=c"] = each => User(each) == "a,b=c",
        ["fieldSelector=user=system:admin,user=bob@example.com"] = _ => false,
        ["fieldSelector=user=nobody"] = _ => false,
        ["fieldSelector=job=mnist,user=bob@example.com"] = each => Text(each, "job") == "mnist" && User(each) == "bob@example.com",
        ["fieldSelector=path=spec.cleanPodPolicy"] = each => Changed(each).Contains("spec.cleanPodPolicy"),
        ["fieldSelector=policy=clean"] = each => Changed(each).Contains("spec.cleanPodPolicy"),
        ["fieldSelector=policy!=clean,user=bob@example.com"] = each =>
            !Changed(each).Contains("spec.cleanPodPolicy") && User(each) == "bob@example.com",
        ["fieldSelector=path!=spec.cleanPodPolicy"] = each => !Changed(each).Contains("spec.cleanPodPolicy"),
        ["fieldSelector=path=spec.cleanPodPolicy,path=metadata.labels.team"] =
            each => Changed(each).Contains("spec.cleanPodPolicy") && Changed(each).Contains("metadata.labels.team"),
        ["fieldSelector=path=spec.cleanPodPolicy,user=bob@example.com"] = each =>
            Changed(each).Contains("spec.cleanPodPolicy") && User(each) == "bob@example.com",
        ["fieldSelector=path=metadata.labels['example.com/team']"] = each => Changed(each).Contains("metadata.labels['example.com/team']"),
        ["fieldSelector=path=metadata.labels"] = each =>
            Changed(each).Any(path => path.StartsWith("metadata.labels", StringComparison.Ordinal)),
        ["fieldSelector=path=metadata.annotations"] = each =>
            Changed(each).Any(path => path.StartsWith("metadata.annotations", StringComparison.Ordinal)),
        ["fieldSelector=path=status.phase"] = each => Changed(each).Contains("status.phase"),
        ["fieldSelector=path=metadata.deletionTimestamp"] = each => Text(each, "verb") == "DeletionRequested",
        ["fieldSelector=path=metadata.finalizers"] = each => Changed(each).Contains("metadata.finalizers"),
        ["fieldSelector=metadata.namespace=red"] = each => (string)each["metadata"]!["namespace"]! == "red",
        ["fieldSelector=metadata.namespace!=red"] = each => (string)each["metadata"]!["namespace"]! != "red",
        ["fieldSelector=metadata.namespace=red,job=mnist"] = each =>
            (string)each["metadata"]!["namespace"]! == "red" && Text(each, "job") == "mnist",
        ["fieldSelector=metadata.namespace=red,uid=FIRST"] = each =>
            (string)each["metadata"]!["namespace"]! == "red" && Text(each, "uid") == "FIRST",
        ["fieldSelector=metadata.name=mnist.2"] = each => (string)each["metadata"]!["name"]! == "mnist.2",
        ["fieldSelector=metadata.name!=mnist.2"] = each => (string)each["metadata"]!["name"]! != "mnist.2",
        ["fieldSelector=metadata.name=bert.2"] = _ => false,
        ["fieldSelector=metadata.name=mnist"] = _ => false,
        ["fieldSelector=metadata.name=mnist.02"] = _ => false,
        ["since=TIME"] = each => string.CompareOrdinal(Text(each, "time"), "TIME") >= 0,
        ["until=TIME"] = each => string.CompareOrdinal(Text(each, "time"), "TIME") < 0,
        ["since=TIME&labelSelector=verb=Patched"] = each =>
            string.CompareOrdinal(Text(each, "time"), "TIME") >= 0 && Text(each, "verb") == "Patched",
        ["since=2100-01-01T00:00:00Z"] = _ => false,
        ["until=2000-01-01T00:00:00.123456789+05:30"] = _ => false,
        ["resourceVersion=20&resourceVersionMatch=Exact"] = each => (long)each["revision"]! <= 20,
        ["resourceVersion=20&resourceVersionMatch=Exact&labelSelector=verb!=Created"] = each =>
            (long)each["revision"]! <= 20 && Text(each, "verb") != "Created",
    };

    public static TheoryData<string> Queries => [.. Meanings.Keys];

    [Theory]
    [MemberData(nameof(Queries))]
    public async Task Finds_what_it_asks_for(string query)
    {
        foreach (string path in (string[])[Everywhere, "/apis/audit.eventstore.io/v1/namespaces/blue/pytorchjobrevisions"])
        {
            bool here(JsonNode each) => path == Everywhere || (string)each["metadata"]!["namespace"]! == "blue";
            string[] expected =
                [.. story.All.Where(each => here(each) && Meanings[query](story.Named(each))).Select(each => each.ToJsonString())];
            string asked = story.Named(query);

            Assert.Equal(expected, await story.Items($"{path}?{asked}&order=oldest"));
            Assert.Equal(expected.Reverse(), await story.Items($"{path}?{asked}&order=newest"));
            if (query.Contains("resourceVersion", StringComparison.Ordinal))
                continue; // which is not to be repeated beside a token
            Assert.Equal(expected.Reverse(), await Pages(path, asked, 2));
            Assert.Equal(expected, await Pages(path, $"{asked}&order=oldest", 3));
        }
    }

    /// <summary>What a watch decides by, of each revision as it comes, is what a list asks the database for.</summary>
    [Theory]
    [MemberData(nameof(Queries))]
    public async Task Means_the_same_to_a_watch(string query)
    {
        if (query.Contains("since", StringComparison.Ordinal) || query.Contains("until", StringComparison.Ordinal) || query.Contains(
            "resourceVersion", StringComparison.Ordinal))
            return; // are for lists
        string asked = story.Named(query);
        await using Watch.WatchClient watch = await Watch.WatchClient.Open(
            story.Server.Admin, Everywhere, $"{asked}&resourceVersionMatch=NotOlderThan&sendInitialEvents=true&allowWatchBookmarks=true");
        var names = new List<string>();
        while (await watch.Next() is { Type: "ADDED" } frame)
            names.Add((string)JsonNode.Parse(frame.Object)!["metadata"]!["name"]!);
        Assert.Equal(story.All.Where(each => Meanings[query](story.Named(each))).Select(each => (string)each["metadata"]!["name"]!), names);
        Assert.Equal(names, await story.CoveredBy(asked));
    }

    [Fact]
    public async Task Keeps_to_the_revision_of_its_first_page()
    {
        JsonNode first = await story.Server.Admin.Get($"{Everywhere}?limit=2&order=oldest");
        string next = (string)first["metadata"]!["continue"]!;
        JsonNode second = await story.Server.Admin.Get($"{Everywhere}?limit=500&order=oldest&continue={next}");
        Assert.Equal(first.Revision(), second.Revision());
        Assert.Null(first["metadata"]!["remainingItemCount"]);
        Assert.Equal(story.All.Count - 2, second["items"]!.AsArray().Count);
        Assert.Equal("", (string)second["metadata"]!["continue"]!);
    }

    private async Task<List<string>> Pages(string path, string query, int limit)
    {
        var items = new List<string>();
        string next = "";
        do
        {
            JsonNode page = await story.Server.Admin.Get($"{path}?{query}&limit={limit}&continue={next}");
            items.AddRange(page["items"]!.AsArray().Select(item => item!.ToJsonString()));
            Assert.InRange(page["items"]!.AsArray().Count, 0, limit);
            next = (string)page["metadata"]!["continue"]!;
        }
        while (next.Length > 0);
        return items;
    }

    private static string Text(JsonNode revision, string member) => (string)revision[member]!;

    private static string User(JsonNode revision) => (string)revision["user"]!["name"]!;

    private static string[] Changed(JsonNode revision) => [.. revision["changes"]!.AsArray().Select(change => (string)change!["path"]!)];

    /// <summary>A database in which everything happened that is asked for, and a server on it.</summary>
    public sealed class Story : IAsyncLifetime
    {
        private static readonly string[] Users = ["admin", "system:admin", "bob@example.com", "a,b=c"];
        private TestDatabase database = null!;
        private string first = null!;
        private string second = null!;
        private string time = null!;

        internal ServerProcess Server { get; private set; } = null!;

        /// <summary>All there is, the oldest first.</summary>
        internal List<JsonNode> All { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            database = await TestDatabase.Create();
            await using (CommitLane lane = InProcess.Lane(database.Source))
            {
                await Life(lane, new JobKey("red", "mnist"), 0);
                await Life(lane, new JobKey("blue", "bert"), 1);
                await Life(lane, new JobKey("blue", "mnist"), 2);
                await Life(lane, new JobKey("red", "mnist"), 3);
                await Life(lane, new JobKey("green", "gpt"), 1, finalizer: true);
            }

            Server = await ServerProcess.Start(database.Serving);
            All = [.. (await Server.Admin.Get($"{Everywhere}?order=oldest"))["items"]!.AsArray().Select(item => item!)];
            string[] uids = [.. All.Where(each => Text(each, "job") == "mnist" && (string)each["metadata"]!["namespace"]! == "red")
                .Select(each => Text(each, "uid")).Distinct()];
            (first, second, time) = (uids[0], uids[1], Text(All[All.Count / 2], "time"));
        }

        public async Task DisposeAsync()
        {
            await Server.DisposeAsync();
            await database.DisposeAsync();
        }

        internal async Task<IEnumerable<string>> Items(string path) =>
            (await Server.Admin.Get(path))["items"]!.AsArray().Select(item => item!.ToJsonString());

        /// <summary>A query with the uids and the time of this run, ready for a URL.</summary>
        internal string Named(string query) => string.Join('&', query
            .Replace("FIRST", first, StringComparison.Ordinal).Replace("SECOND", second, StringComparison.Ordinal)
            .Replace("TIME", time, StringComparison.Ordinal)
            .Split('&').Select(part => part.Split('=', 2) is [var name, var value] ? $"{name}={Uri.EscapeDataString(value)}" : part));

        /// <summary>A revision with names in place of this run's uids and time.</summary>
        internal JsonNode Named(JsonNode revision)
        {
            JsonNode named = revision.DeepClone();
            named["uid"] = Text(revision, "uid") == first ? "FIRST" : Text(revision, "uid") == second ? "SECOND" : Text(revision, "uid");
            named["time"] = string.CompareOrdinal(Text(revision, "time"), time) >= 0 ? "TIME" : "A TIME BEFORE"; // sorts before it
            return named;
        }

        /// <summary>What the selectors of a query cover, of each revision by itself.</summary>
        internal async Task<List<string>> CoveredBy(string query)
        {
            var parameters = Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(query);
            Assert.True(EventStore.Server.Kubernetes.Selectors.LabelSelector.TryParse(
                parameters.GetValueOrDefault("labelSelector").ToString(), out var labels, out _));
            Assert.True(EventStore.Server.Kubernetes.Selectors.FieldSelector.TryParse(
                parameters.GetValueOrDefault("fieldSelector").ToString(), EventStore.Server.Audit.RevisionSelector.SelectableFields,
                out var fields, out _));
            Assert.True(EventStore.Server.Audit.RevisionSelector.TryRead(null, labels, fields, out RevisionQuery? read, out _));
            var revisions = new RevisionReads(database.Source);
            var names = new List<string>();
            foreach (JsonNode each in All)
            {
                Revision revision = (await revisions.Find((long)each["revision"]!, default))!;
                if (read.Covers(revision))
                    names.Add(revision.Name);
            }

            return names;
        }

        private static async Task Life(CommitLane lane, JobKey key, int user, bool finalizer = false)
        {
            int turn = user;
            Origin who() => new(Users[turn++ % Users.Length], ["people"], "test/1.0", "127.0.0.1", "request");
            string metadata = finalizer ? ",\"finalizers\":[\"example.com/hold\"]" : "";
            string[] patches =
            [
                """{"metadata":{"labels":{"team":"ml"}},"spec":{"cleanPodPolicy":"All"}}""",
                """{"metadata":{"labels":{"example.com/team":"ml","team":"ops"}}}""",
                """{"metadata":{"annotations":{"note":"x"}}}""",
                """{"spec":{"cleanPodPolicy":"None"}}""",
            ];
            await Done(lane, new CreateJob(
                key, DateTimeOffset.UnixEpoch, who(), Parse(Sample.Manifest(key.Name, metadata: metadata)), Guid.CreateVersion7()));
            foreach (string patch in patches)
                await Done(lane, new PatchJob(key, DateTimeOffset.UnixEpoch, who(), Parse(patch)));
            await Done(lane, new PatchStatus(key, DateTimeOffset.UnixEpoch, who(), Parse("""{"status":{"phase":"Running"}}""")));
            await Done(lane, new DeleteJob(key, DateTimeOffset.UnixEpoch, who(), null, null));
            if (finalizer)
                await Done(lane, new PatchJob(key, DateTimeOffset.UnixEpoch, who(), Parse("""{"metadata":{"finalizers":null}}""")));
        }

        private static async Task Done(CommitLane lane, JobCommand command) => Assert.IsType<Outcome.Done>(await lane.Execute(command));

        private static EventStore.Domain.Json.JsonObject Parse(string json) =>
            (EventStore.Domain.Json.JsonObject)JsonReading.Parse(System.Text.Encoding.UTF8.GetBytes(json));
    }
}
