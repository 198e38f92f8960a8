using System.Reflection;
using System.Text.RegularExpressions;
using EventStore.Domain.Jobs;

namespace EventStore.Domain.Tests;

/// <summary>
/// The style of the sources as far as a text can show it: who may see whom, how long a file may be, what nobody writes. Comments do
/// not count, except where it is comments that are meant. Of tests only how long methods and lines are.
/// </summary>
public sealed partial class Tidy
{
    private const int LinesMax = 250;
    private const int MethodLinesMax = 60;
    private const int LineMax = 140;
    private const string Server = "src/EventStore.Server/";
    private const string Database = @"\b(Npgsql\w*|Marten|IDocumentSession|IQuerySession|IDocumentStore)\b";

    private static readonly string Root = FindRoot();
    private static readonly Source[] Sources = [.. Files("src", "*.cs").Concat(Files("src", "*.razor")).Select(path => new Source(path))];
    private static readonly Source[] Tests = [.. Files("tests", "*.cs").Select(path => new Source(path))];

    /// <summary>
    /// Which rooms of the server each may see: those it uses, and no others. A room within a room also sees what stands directly in the
    /// outer one. Program sees everyone, and nobody sees it.
    /// </summary>
    private static readonly Dictionary<string, string[]> Sees = new()
    {
        ["Access"] = ["Access.Cluster", "Access.Credentials", "Access.Files"],
        ["Access.Cluster"] = ["Access.Credentials", "Access.Files"],
        ["Access.Credentials"] = ["Access.Files"],
        ["Access.Files"] = [],
        ["Postgres"] = [],
        ["Telemetry"] = ["Access"],
        ["Kubernetes"] = ["Access", "Kubernetes.Requests", "Kubernetes.Answers"],
        ["Kubernetes.Selectors"] = [],
        ["Kubernetes.Requests"] = ["Kubernetes.Selectors"],
        ["Kubernetes.Answers"] = ["Access", "Kubernetes.Requests"],
        ["Kubernetes.Documents"] = ["Access", "Kubernetes.Selectors", "Kubernetes.Requests", "Kubernetes.Answers"],
        ["Kubernetes.Reviews"] = ["Access", "Kubernetes.Requests", "Kubernetes.Answers", "Kubernetes.Documents"],
        ["Limits"] = ["Access", "Kubernetes", "Kubernetes.Selectors", "Kubernetes.Requests"],
        ["Store.Format"] = [],
        ["Store.Hosts"] = ["Telemetry", "Store.Format"],
        ["Store.Reads"] = ["Store.Format", "Store.Hosts"],
        ["Store.History"] = ["Store.Format", "Store.Hosts", "Store.Reads"],
        ["Store.Feed"] = ["Telemetry", "Store.Format", "Store.Hosts", "Store.Reads"],
        ["Store.Lane"] = ["Telemetry", "Store.Format", "Store.Hosts", "Store.Reads", "Store.Feed"],
        ["Store.Lifetimes"] = ["Telemetry", "Store.Format", "Store.Hosts", "Store.Reads", "Store.Feed", "Store.Lane"],
        ["Store.Activities"] = ["Telemetry", "Store.Format", "Store.Reads"],
        ["Store.Proof"] = ["Postgres", "Store.Format", "Store.Reads", "Store.Activities"],
        ["Resources"] = ["Kubernetes", "Kubernetes.Requests", "Store.Format"],
        ["Watch"] =
        [
            "Telemetry", "Kubernetes", "Kubernetes.Requests", "Kubernetes.Answers", "Limits", "Store.Format", "Store.Reads", "Store.Feed",
            "Resources",
        ],
        ["Jobs"] =
        [
            "Access", "Telemetry", "Kubernetes", "Kubernetes.Selectors", "Kubernetes.Requests", "Kubernetes.Answers",
            "Kubernetes.Documents", "Limits", "Store.Format", "Store.Reads", "Store.History", "Store.Feed", "Store.Lane", "Resources",
            "Watch",
        ],
        ["Audit"] =
        [
            "Access", "Kubernetes", "Kubernetes.Selectors", "Kubernetes.Requests", "Kubernetes.Answers", "Kubernetes.Documents", "Limits",
            "Store.Format", "Store.Reads", "Store.History", "Store.Feed", "Resources", "Watch",
        ],
        ["Activities"] =
        [
            "Access", "Kubernetes", "Kubernetes.Requests", "Kubernetes.Answers", "Kubernetes.Documents", "Limits", "Store.Format",
            "Store.Reads", "Store.Activities", "Resources",
        ],
        ["Page"] =
        [
            "Access", "Access.Credentials", "Telemetry", "Kubernetes", "Kubernetes.Answers", "Kubernetes.Documents", "Store.Format",
            "Store.Reads", "Store.History", "Store.Feed", "Resources", "Page.SignIn", "Page.List", "Page.Changes", "Page.State",
            "Page.OneJob",
        ],
        ["Page.SignIn"] = ["Access", "Access.Credentials", "Kubernetes"],
        ["Page.List"] =
            ["Access", "Kubernetes", "Kubernetes.Selectors", "Limits", "Store.Format", "Store.Reads", "Store.History", "Resources", "Jobs"],
        ["Page.Changes"] =
            ["Access", "Kubernetes", "Store.Format", "Store.Reads", "Store.History", "Store.Activities", "Resources", "Activities"],
        ["Page.State"] = ["Access", "Telemetry", "Kubernetes", "Store.Format", "Store.Reads", "Audit"],
        ["Page.OneJob"] =
        [
            "Access", "Kubernetes", "Kubernetes.Requests", "Kubernetes.Answers", "Store.Format", "Store.Reads", "Store.History",
            "Store.Lane", "Resources", "Jobs", "Audit",
        ],
        ["Hosting"] =
        [
            "Access", "Access.Cluster", "Access.Credentials", "Access.Files", "Postgres", "Telemetry", "Kubernetes", "Kubernetes.Documents",
            "Kubernetes.Reviews", "Limits", "Store.Format", "Store.Hosts", "Store.Reads", "Store.History", "Store.Feed", "Store.Lane",
            "Store.Lifetimes", "Store.Activities", "Resources", "Watch", "Jobs", "Audit", "Activities", "Page",
        ],
        ["Cli"] = ["Access.Cluster", "Postgres", "Limits", "Store.Format", "Store.Activities", "Store.Proof", "Resources", "Hosting"],
    };

    /// <summary>Which rooms of the domain each sees; none in a circle.</summary>
    private static readonly Dictionary<string, string[]> DomainSees = new()
    {
        ["Json"] = [],
        ["Manifests"] = ["Json"],
        ["Apply"] = ["Json", "Manifests"],
        ["Lifetimes"] = ["Json"],
        ["Jobs"] = ["Json", "Manifests", "Apply", "Lifetimes"],
        ["History"] = ["Json", "Manifests", "Jobs"],
    };

    /// <summary>
    /// One word, one meaning: in which folders a word may be part of the name of a type, a member or a variable. What it would name
    /// elsewhere is another thing and has another name.
    /// </summary>
    private static readonly Dictionary<string, string[]> Meanings = new()
    {
        // The hashes over the log, each made with the one before it. X.509 has chains of certificates, and .NET chained rate limiters.
        ["chain"] =
        [
            "src/EventStore.Domain/History/", Server + "Store/Proof/", Server + "Cli/", Server + "Access/Credentials/", Server + "Hosting/",
            Server + "Limits/",
        ],
        // The commit lane: the one loop of a process that decides commands and commits them in batches. Other folders only hand it
        // commands, set it up or measure it.
        ["lane"] =
        [
            Server + "Store/Lane/", Server + "Store/Lifetimes/LifetimeController.cs", Server + "Jobs/",
            Server + "Page/OneJob/GoBackPages.cs", Server + "Page/OneJob/RestorePages.cs", Server + "Hosting/",
            Server + "Telemetry/Signals.cs",
        ],
        // The time during which one host is the primary. What is asked of a primary is given up when its term is over. Kubernetes calls the
        // parts of a selector terms.
        ["term"] =
        [
            Server + "Store/Hosts/", Server + "Store/Lane/", Server + "Store/Feed/", Server + "Store/Reads/", Server + "Store/History/",
            Server + "Store/Lifetimes/", Server + "Hosting/",
            Server + "Kubernetes/Selectors/", Server + "Kubernetes/Requests/ListOptions.cs", Server + "Limits/RequestLimits.cs",
            Server + "Audit/RevisionEndpoints.cs", Server + "Jobs/", Server + "Page/List/JobQuestion.cs",
        ],
        // A job's text as it stood after about every 128 events, from which the past is read. A read transaction is no snapshot.
        ["snapshot"] =
        [
            Server + "Store/Format/", Server + "Store/Reads/PastJobs.cs", Server + "Store/Lane/", Server + "Store/Proof/", Server + "Cli/",
        ],
        // The job that a stream's events give, one after the other.
        ["fold"] = [Server + "Store/Proof/", Server + "Store/Reads/JobLog.cs"],
        // The right of one server to end lifetimes, with its number as a fencing token. .NET calls a place under a rate limit a lease.
        ["lease"] =
        [
            Server + "Store/Lifetimes/", Server + "Store/Lane/", Server + "Kubernetes/Requests/BodyBudget.cs", Server + "Limits/",
            Server + "Watch/WatchLoop.cs",
        ],
        // What verify says is wrong.
        ["finding"] = [Server + "Store/Proof/", Server + "Cli/"],
        // A pass over the log or the index that checks them.
        ["walk"] = [Server + "Store/Proof/"],
        // What was hidden behind other words before: the type was renamed, and the word has no meaning here.
        ["draft"] = [],
        ["way"] = [],
    };

    public static TheoryData<string> Rooms => [.. RoomNames()];

    public static TheoryData<string> DomainRooms => [.. DomainSees.Keys];

    public static TheoryData<string> Words => [.. Meanings.Keys];

    [Fact]
    public void The_domain_references_nothing_but_the_base_library() =>
        Assert.All(
            typeof(JobDecider).Assembly.GetReferencedAssemblies(),
            (AssemblyName name) => Assert.StartsWith("System.", name.Name!, StringComparison.Ordinal));

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_of_the_server_sees_only_those_it_may(string room)
    {
        Assert.True(Sees.ContainsKey(room), $"{room} is new: say in Sees which rooms it may see");
        string outer = room.Contains('.', StringComparison.Ordinal) ? room[..room.LastIndexOf('.')] : room;
        string[] foreign = [.. Sees.Keys.Where(other => other != room && other != outer && !Sees[room].Contains(other)).Select(Mentions)];
        None(Sources.Where(source => source.Path.StartsWith(Server, StringComparison.Ordinal) && source.Room == room), foreign);
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_of_the_server_may_see_none_that_it_does_not_use(string room) => Offenders(Sees[room]
        .Where(other => !Sources.Any(source =>
            source.Path.StartsWith(Server, StringComparison.Ordinal) && source.Room == room && Regex.IsMatch(source.Code, Mentions(other))))
        .Select(other => $"{room} does not use {other}"));

    [Fact]
    public void Every_room_that_is_named_is_there() =>
        Assert.Equal(RoomNames().Order(StringComparer.Ordinal), Sees.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void The_store_does_not_know_who_is_asking() => None(
        In("src/EventStore.Server/Store"), @"\bMicrosoft\.AspNetCore\b", @"\bHttp(Context|Request|Response)\b", @"\bIResult\b",
        @"\bIEndpointRouteBuilder\b");

    [Fact]
    public void The_protocol_knows_no_job_and_no_database() => None(
        In("src/EventStore.Server/Kubernetes"), DomainFolder("Jobs"), DomainFolder("History"), Database);

    [Theory]
    [InlineData("Jobs")]
    [InlineData("Audit")]
    [InlineData("Activities")]
    [InlineData("Page")]
    public void What_is_on_the_wire_never_sees_a_session(string folder) => None(In($"src/EventStore.Server/{folder}"), Database);

    [Fact]
    public void The_server_is_not_seen_by_the_domain() => None(In("src/EventStore.Domain"), @"\bEventStore\.Server\b");

    [Theory]
    [MemberData(nameof(DomainRooms))]
    public void A_room_of_the_domain_sees_those_that_stand_before_it_and_no_others(string room)
    {
        Source[] inside = [.. In($"src/EventStore.Domain/{room}")];
        None(inside, [.. DomainSees.Keys.Where(other => other != room && !DomainSees[room].Contains(other)).Select(DomainFolder)]);
        Assert.All(DomainSees[room], other => Assert.Contains(inside, source => Regex.IsMatch(source.Code, DomainFolder(other))));
    }

    [Fact]
    public void Every_room_of_the_domain_is_named() => Assert.Equal(
        Sources.Select(source => source.Path.Split('/')).Where(path => path is ["src", "EventStore.Domain", _, _]).Select(path => path[2])
            .Distinct()
            .Order(StringComparer.Ordinal),
        DomainSees.Keys.Order(StringComparer.Ordinal));

    [Fact]
    // Else the rules above could not be read off a file.
    public void A_namespace_is_seen_by_who_says_so() => None(Sources, @"\bglobal\s+using\b");

    [Fact]
    public void Nobody_but_the_call_and_the_migrations_names_the_function_that_appends() =>
        None(Sources.Where(source => source.Path != "src/EventStore.Server/Store/Lane/CommitCall.cs"), "commit_jobs_");

    [Fact]
    public void A_file_fits_in_the_head() => Offenders(Sources
        .Where(source => source.Lines > LinesMax)
        .Select(source => $"{source.Path}: {source.Lines} lines"));

    [Fact]
    public void A_method_fits_on_a_screen() => Offenders(
        from source in Sources.Concat(Tests)
        from method in source.Methods()
        where method.Lines > MethodLinesMax
        select $"{source.Path}: {method.Name} has {method.Lines} lines");

    /// <summary>
    /// A URL is not broken: what is left of its line counts. Nor is, in tests, a text that has to be as it is: a line of a raw one, a
    /// theory's case, a literal that has its line to itself.
    /// </summary>
    [Fact]
    public void A_line_fits_beside_another() => Offenders(
        from source in Sources.Concat(Tests)
        from line in Tests.Contains(source) ? source.Breakable() : source.Text.Split('\n').Index()
        where Url().Replace(line.Item, string.Empty).Length > LineMax
        select $"{source.Path}:{line.Index + 1}: {line.Item.Length} characters");

    /// <summary>Prose is; a table's row and an example are as they have to be.</summary>
    [Fact]
    public void A_line_of_a_document_fits_too() => Offenders(
        from path in Files("src/docs", "*.md").Concat(["README.md", "CHANGELOG.md", "tests/EventStore.Benchmarks/README.md"])
        let text = File.ReadAllText(Path.Combine(Root, path))
        from line in Fenced().Replace(text, fence => new string('\n', fence.Value.Count(c => c == '\n'))).Split('\n').Index()
        where line.Item.Length > LineMax && !line.Item.StartsWith('|')
        select $"{path}:{line.Index + 1}: {line.Item.Length} characters");

    [Theory]
    [MemberData(nameof(Words))]
    public void A_word_has_one_meaning(string word) => None(
        Sources.Where(source => !Meanings[word].Any(folder => source.Path.StartsWith(folder, StringComparison.Ordinal))),
        source => Literal().Replace(source.Code, "\"\""),
        $@"\w*(?:\b{word[0]}|(?:\b|(?<=[a-z0-9])){char.ToUpperInvariant(word[0])}){word[1..]}(?:s|ed)?(?![a-z])\w*");

    [Fact]
    public void Two_types_have_two_names() => Offenders(Sources
        .SelectMany(source => TopLevel().Matches(source.Code).Select(match => (Name: match.Groups[1].Value, source.Path)))
        .GroupBy(type => type.Name)
        .Where(types => types.Count() > 1)
        .Select(types => $"{types.Key}: {string.Join(", ", types.Select(type => type.Path))}"));

    [Fact]
    public void Nothing_is_caught_to_be_forgotten() => Offenders(Sources.SelectMany(source => source.Catches()
        .Where(caught => caught is ("", var block) && !Rethrow().IsMatch(block)
            || caught is ("Exception", var body) && body.Trim().Length == 0)
        .Select(caught => $"{source.Path}: catch {caught.What} {{{caught.Block}}}")));

    [Fact]
    public void A_task_is_returned_to_be_awaited() => None(Sources, @"\basync\s+void\b");

    /// <summary>
    /// Of a row read in order a large value has not arrived with the row: who takes it at once waits for it on the thread.
    /// </summary>
    [Fact]
    public void What_has_not_arrived_is_awaited() => None(
        Sources.Where(source => source.Code.Contains("SequentialAccess", StringComparison.Ordinal)), @"\.GetFieldValue<byte\[\]>");

    [Fact]
    public void An_interface_has_at_least_two_implementations() => Offenders(Sources
        .SelectMany(source => Interface().Matches(source.Code).Select(match => match.Groups[1].Value))
        .Where(name => Sources.Sum(source => Regex.Count(source.Code, $@"\b(class|record|struct)\s[^{{;]*:[^{{;]*\b{name}\b")) < 2)
        .Select(name => $"{name} has fewer than two implementations"));

    [Fact]
    public void A_name_says_what_a_thing_is() => None(
        Sources, @"\b(class|record|struct|interface|enum)\s+(struct\s+|class\s+)?\w*(Helper|Util|Utility|Utilities|Manager|Service)s?\b");

    [Fact]
    public void Nothing_is_left_for_later() => Offenders(Sources
        .Where(source => Unfinished().IsMatch(source.Text))
        .Concat(Files("migrations", "*.sql").Select(path => new Source(path)).Where(source => Unfinished().IsMatch(source.Text)))
        .Select(source => $"{source.Path}: {Unfinished().Match(source.Text).Value}"));

    private static IEnumerable<string> RoomNames() => Sources
        .Where(source => source.Path.StartsWith(Server, StringComparison.Ordinal))
        .Select(source => source.Room).Where(room => room.Length > 0).Distinct();

    /// <summary>
    /// A room's namespace by its full name (an import of Razor ends without a semicolon) and not that of a room within it, or one of its
    /// types by as much as is needed from beside it.
    /// </summary>
    private static string Mentions(string room)
    {
        string types = string.Join('|', Sources
            .Where(source => source.Path.StartsWith(Server, StringComparison.Ordinal) && source.Room == room)
            .SelectMany(source => Declared().Matches(source.Code)).Select(match => match.Groups[1].Value));
        string name = Regex.Escape(room);
        return $@"\bEventStore\.Server\.{name}(?=[;\n]|\.({types})\b)|(?<![\w.])(Server\.)?{name}\.({types})\b";
    }

    private static string DomainFolder(string folder) => $@"\bEventStore\.Domain\.{folder}\b";

    private static void None(IEnumerable<Source> sources, params string[] patterns) => None(sources, source => source.Code, patterns);

    private static void None(IEnumerable<Source> sources, Func<Source, string> text, params string[] patterns) => Offenders(
        from source in sources
        from pattern in patterns
        from Match match in Regex.Matches(text(source), pattern)
        select $"{source.Path}: {match.Value}");

    private static void Offenders(IEnumerable<string> named)
    {
        string[] found = [.. named];
        Assert.True(found.Length == 0, string.Join('\n', found));
    }

    private static IEnumerable<Source> In(string folder) =>
        Sources.Where(source => source.Path.StartsWith(folder + "/", StringComparison.Ordinal));

    private static IEnumerable<string> Files(string folder, string pattern) => Directory
        .EnumerateFiles(Path.Combine(Root, folder), pattern, SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
        .Where(path => !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "EventStore.sln")))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException($"There is no EventStore.sln above {AppContext.BaseDirectory}.");
    }

    [GeneratedRegex("(?ms)^```.*?^```$")]
    private static partial Regex Fenced();

    [GeneratedRegex(@"\b(?:class|record|struct|interface|enum)\s+(?!class\b|struct\b)(\w+)")]
    private static partial Regex Declared();

    [GeneratedRegex(@"^(?:public|internal)\s(?:(?!partial\b)\w+\s+)*(?:class|record|struct|interface|enum)\s+(?!class\b|struct\b)(\w+)",
        RegexOptions.Multiline)]
    private static partial Regex TopLevel();

    [GeneratedRegex(
        @"^(?<indent> {4,12})(?:(?:public|private|protected|internal|static|async|override|virtual|partial|unsafe|new)\s+)+(?!(?:sealed |readonly |ref |abstract )*(?:class|record|struct|interface|enum|const|event)\b)[^=;]*?(?<name>\w+)(?:<[^>]*>)?\(")]
    private static partial Regex Method();

    [GeneratedRegex("\"\"\"[\\s\\S]*?\"\"\"|\"(?:\\\\.|[^\"\\\\\n])*\"")]
    private static partial Regex Literal();

    [GeneratedRegex("\"{3,}")]
    private static partial Regex RawMark();

    [GeneratedRegex(@"^\s*(?:[+?:] )?[$@]*\x22\x22[\]),;}!]*$")]
    private static partial Regex Alone();

    [GeneratedRegex(@"https?://\S+")]
    private static partial Regex Url();

    [GeneratedRegex(@"\binterface\s+(I[A-Z]\w*)")]
    private static partial Regex Interface();

    [GeneratedRegex(@"\bthrow\s*;")]
    private static partial Regex Rethrow();

    [GeneratedRegex(@"\b(TODO|FIXME|XXX)\b|\bNotImplementedException\b")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"//[^\n]*|/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\bcatch\s*(?:\(\s*(?:System\.)?(?<what>\w+)[^)]*\)\s*(?<when>when\b)?)?")]
    private static partial Regex Catch();

    private sealed class Source(string path)
    {
        public string Path { get; } = path;

        public string Text { get; } = File.ReadAllText(System.IO.Path.Combine(Root, path));

        /// <summary>The folder below the project, with dots: <c>Store.Lane</c>; empty for what stands at the top.</summary>
        public string Room => string.Join('.', Path.Split('/')[2..^1]);

        public int Lines => Text.AsSpan().Count('\n');

        /// <summary>
        /// The text without comments. What looks like one within a string goes too, which hides nothing these rules are about.
        /// </summary>
        public string Code => field ??= Comment().Replace(Text, string.Empty);

        /// <summary>
        /// The members with parameters and how many lines each has. A body ends at the brace below the member's first letter; one that is
        /// an expression, at the semicolon before an empty line or the end of the type.
        /// </summary>
        public IEnumerable<(string Name, int Lines)> Methods()
        {
            string[] lines = Text.Split('\n');
            foreach ((int at, string first) in lines.Index())
            {
                if (Method().Match(first) is not { Success: true } method)
                    continue;
                string indent = method.Groups["indent"].Value;
                int end = at;
                for (bool block = false; end < lines.Length; end++)
                {
                    block |= lines[end] == indent + "{";
                    if (block
                        ? lines[end].StartsWith(indent + "}", StringComparison.Ordinal)
                        : lines[end].EndsWith(';') && EndsType(end + 1))
                        break;
                }

                yield return (method.Groups["name"].Value, end - at + 1);
                bool EndsType(int next) => next >= lines.Length || lines[next].Trim() is "" or "}";
            }
        }

        /// <summary>The lines that can be broken without another text coming of it, each with its index.</summary>
        public IEnumerable<(int Index, string Item)> Breakable()
        {
            bool isRaw = false;
            foreach ((int Index, string Item) line in Text.Split('\n').Index())
            {
                bool wasRaw = isRaw;
                isRaw ^= RawMark().Count(line.Item) % 2 == 1;
                if (!wasRaw && !line.Item.TrimStart().StartsWith("[InlineData(", StringComparison.Ordinal)
                    && !Alone().IsMatch(Literal().Replace(line.Item, "\"\"")))
                    yield return line;
            }
        }

        /// <summary>What is caught without a condition (an empty text for everything) and what is done about it.</summary>
        public IEnumerable<(string What, string Block)> Catches()
        {
            foreach (Match match in Catch().Matches(Code).Where(match => !match.Groups["when"].Success))
            {
                int from = Code.IndexOf('{', match.Index + match.Length) + 1;
                int to = from;
                for (int depth = 1; depth > 0 && to < Code.Length; to++)
                    depth += Code[to] == '{' ? 1 : Code[to] == '}' ? -1 : 0;
                yield return (match.Groups["what"].Value, Code[from..(to - 1)]);
            }
        }
    }
}
