using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace EventStore.Benchmarks.Load;

/// <summary>Writes the requests of one connection, each into the same buffer.</summary>
internal sealed class Requests(LoadSpec spec)
{
    private const string Jobs = "/apis/kubeflow.org/v1/namespaces";
    private const string Revisions = "/apis/audit.eventstore.io/v1/namespaces";

    private static readonly byte[] ManifestHead = Encoding.UTF8.GetBytes(Manifest("|").Split('|')[0]);
    private static readonly byte[] ManifestTail = Encoding.UTF8.GetBytes(Manifest("|").Split('|')[1]);

    // A value nobody wrote before, or a patch would change nothing and be no write.
    private static long lastLabel = DateTime.UtcNow.Ticks;

    private readonly byte[] buffer = new byte[4096];
    private readonly byte[] json = new byte[4096];
    private readonly string head =
        $" HTTP/1.1\r\nHost: {spec.Host}:{spec.Port}\r\nAuthorization: Bearer {spec.Token}\r\nAccept: {spec.Accept}\r\n";

    public static string JobName(int job) => string.Create(CultureInfo.InvariantCulture, $"job-{job:00000}");

    public static long NextLabel() => Interlocked.Increment(ref lastLabel);

    /// <summary>A label of one job takes a new value.</summary>
    public ReadOnlyMemory<byte> Patch(int job, long resourceVersion = 0)
    {
        long label = NextLabel();
        int length;
        if (resourceVersion == 0)
            Utf8.TryWrite(json, CultureInfo.InvariantCulture, $$$$"""{"metadata":{"labels":{"run":"{{{{label}}}}"}}}""", out length);
        else
            Utf8.TryWrite(
                json, CultureInfo.InvariantCulture,
                $$$"""{"metadata":{"labels":{"run":"{{{label}}}"},"resourceVersion":"{{{resourceVersion}}}"}}""", out length);
        Utf8.TryWrite(
            buffer, CultureInfo.InvariantCulture,
            $"PATCH {Jobs}/{spec.Namespace}/pytorchjobs/job-{job:00000}{head}Content-Type: application/merge-patch+json\r\nContent-Length: {length}\r\n\r\n",
            out int written);
        json.AsSpan(0, length).CopyTo(buffer.AsSpan(written));
        return buffer.AsMemory(0, written + length);
    }

    /// <summary>The same label by server-side apply, as a manager of its own.</summary>
    public ReadOnlyMemory<byte> Apply(int job)
    {
        Utf8.TryWrite(
            json, CultureInfo.InvariantCulture,
            $$$$"""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"job-{{{{job:00000}}}}","labels":{"applied":"{{{{NextLabel()}}}}"}}}""",
            out int length);
        Utf8.TryWrite(
            buffer, CultureInfo.InvariantCulture,
            $"PATCH {Jobs}/{spec.Namespace}/pytorchjobs/job-{job:00000}?fieldManager=bench{head}Content-Type: application/apply-patch+yaml\r\nContent-Length: {length}\r\n\r\n",
            out int written);
        json.AsSpan(0, length).CopyTo(buffer.AsSpan(written));
        return buffer.AsMemory(0, written + length);
    }

    public ReadOnlyMemory<byte> Get(int job, string query = "") => Simple($"{Jobs}/{spec.Namespace}/pytorchjobs/{JobName(job)}{query}");

    public ReadOnlyMemory<byte> List(string query = "") => Simple($"{Jobs}/{spec.Namespace}/pytorchjobs{query}");

    /// <summary>The newest hundred changes of one job.</summary>
    public ReadOnlyMemory<byte> History(int job) =>
        Simple($"{Revisions}/{spec.Namespace}/pytorchjobrevisions?labelSelector=job%3D{JobName(job)}&limit=100");

    /// <summary>Whatever is to be asked for.</summary>
    public ReadOnlyMemory<byte> Path(int job) => Simple(spec.Path.Replace("JOB", JobName(job), StringComparison.Ordinal));

    public ReadOnlyMemory<byte> Create(string name)
    {
        int length = ManifestHead.Length + name.Length + ManifestTail.Length;
        Utf8.TryWrite(
            buffer, CultureInfo.InvariantCulture,
            $"POST {Jobs}/{spec.Namespace}/pytorchjobs{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n",
            out int written);
        ManifestHead.CopyTo(buffer.AsSpan(written));
        Encoding.ASCII.GetBytes(name, buffer.AsSpan(written + ManifestHead.Length));
        ManifestTail.CopyTo(buffer.AsSpan(written + ManifestHead.Length + name.Length));
        return buffer.AsMemory(0, written + length);
    }

    /// <summary>The number in <c>metadata.resourceVersion</c> of a job or a frame, which is the first of that name.</summary>
    public static long ResourceVersion(ReadOnlySpan<byte> text) => Number(text, text.IndexOf("\"resourceVersion\":\""u8));

    /// <summary>The number in a list's own metadata, which comes behind its items.</summary>
    public static long ListResourceVersion(ReadOnlySpan<byte> text) => Number(text, text.LastIndexOf("\"resourceVersion\":\""u8));

    private static long Number(ReadOnlySpan<byte> text, int at) =>
        at >= 0 && Utf8Parser.TryParse(text[(at + 19)..], out long number, out _) ? number : 0;

    private ReadOnlyMemory<byte> Simple(string target)
    {
        Utf8.TryWrite(buffer, $"GET {target}{head}\r\n", out int written);
        return buffer.AsMemory(0, written);
    }

    /// <summary>The job of the documentation's example.</summary>
    public static string Manifest(string name) => $$$$"""
        {"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"{{{{name}}}}","labels":{"app":"test"}},"spec":{"pytorchReplicaSpecs":{
        "Master":{{{{Replica("Never")}}}},
        "Worker":{{{{Replica("OnFailure")}}}}
        }}}
        """;

    private static string Replica(string restartPolicy) => $$$$"""
        {"replicas":1,"restartPolicy":"{{{{restartPolicy}}}}","template":{"spec":{"containers":[{"args":["--backend","gloo"],
        "command":["python","/var/mnist.py"],"image":"*.*.*.215:20202/gcs/pytorch-cpu:v1","name":"pytorch",
        "resources":{"limits":{"cpu":2,"memory":"4Gi"},"requests":{"cpu":2,"memory":"4Gi"}}}],"imagePullSecrets":[{"name":"imagepull-secret"}]}}}
        """;
}
