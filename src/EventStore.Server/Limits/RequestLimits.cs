using System.ComponentModel.DataAnnotations;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Kubernetes.Selectors;

namespace EventStore.Server.Limits;

/// <summary>
/// Limits on one request, and on what one user may have under way: the settings of the section <c>Limits</c>. Users in
/// <c>system:masters</c> are exempt, as from upstream's priority and fairness, unless <see cref="Masters"/> says otherwise.
/// </summary>
public sealed record RequestLimits
{
    /// <summary>What holds when nobody says otherwise.</summary>
    public static readonly RequestLimits Default = new();

    /// <summary>The most bytes of a request's body (413) and of a job's status (422). Upstream's limit.</summary>
    [Range(1024, 16 << 20)]
    public int BodyBytes { get; init; } = RequestBody.BytesMax;

    /// <summary>
    /// The most bytes of the body of a PUT (413). A job holds what its owner wrote and what the operator wrote, each up to the limit of a
    /// body, and a client must be able to put back what it read.
    /// </summary>
    [Range(1024, 64 << 20)]
    public int PutBytes { get; init; } = (2 * RequestBody.BytesMax) + (1 << 20);

    /// <summary>
    /// The most JSON values and member names in a body, in a PUT twice as many (413). A value takes far more memory than it has bytes.
    /// </summary>
    [Range(10_000, 10_000_000)]
    public int BodyValues { get; init; } = 300_000;

    /// <summary>The most bytes of all request bodies together until their requests are answered. Further requests wait.</summary>
    [Range(typeof(long), "1048576", "1099511627776")]
    public long BodiesReadBytes { get; init; } = 64 << 20;

    /// <summary>
    /// The most bytes of memory all parsed bodies may take together until their requests are answered. Further requests wait.
    /// </summary>
    [Range(typeof(long), "1048576", "1099511627776")]
    public long BodiesParsedBytes { get; init; } = 128 << 20;

    /// <summary>How long a request waits for room for its body before it is refused (429).</summary>
    public TimeSpan BodiesWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The most terms of a label or field selector (400). Each value of a set counts; equal terms count once.</summary>
    [Range(1, 100_000)]
    public int SelectorTerms { get; init; } = LabelSelector.TermsMax;

    /// <summary>The least bytes a second at which a body must arrive after <see cref="BodyGrace"/> (408).</summary>
    public int BodyBytesPerSecond { get; init; } = 240;

    /// <summary>How long a body may arrive more slowly at first.</summary>
    public TimeSpan BodyGrace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The most levels of nested JSON (400).</summary>
    [Range(20, JsonReading.DepthMax)]
    public int Nesting { get; init; } = JsonReading.DepthMax;

    /// <summary>The most labels of a job (422).</summary>
    public int Labels { get; init; } = MetadataLimits.Default.Labels;

    /// <summary>The most bytes of a job's annotations, keys and values together (422).</summary>
    [Range(1, 256 * 1024)]
    public int AnnotationBytes { get; init; } = MetadataLimits.Default.AnnotationBytes;

    /// <summary>The most bytes of a request's first line, which contains the selectors (414).</summary>
    [Range(1024, 1 << 20)]
    public int LineBytes { get; init; } = 8 * 1024;

    /// <summary>The most bytes of all headers (431).</summary>
    [Range(1024, 1 << 20)]
    public int HeaderBytes { get; init; } = 32 * 1024;

    /// <summary>The most headers of a request (431).</summary>
    public int Headers { get; init; } = 100;

    /// <summary>How long the headers may take to arrive (408).</summary>
    public TimeSpan HeaderTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The time-out of requests other than lists and watches (504). Upstream's.</summary>
    public TimeSpan RequestTime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a connection may be idle before it is closed.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromSeconds(130);

    /// <summary>The most connections.</summary>
    public int Connections { get; init; } = 10_000;

    /// <summary>The most changes a second of one user in the long run (429). Every POST, PUT, PATCH and DELETE is a change.</summary>
    public int ChangesPerSecond { get; init; } = 1000;

    /// <summary>The most changes of one user at once after a quiet time: the size of the token bucket.</summary>
    public int ChangesBurst { get; init; } = 2000;

    /// <summary>
    /// The most changes of one user under way at once, which leaves room in the commit lane for others. Batches of this size
    /// already commit almost as efficiently as larger ones.
    /// </summary>
    public int ChangesAtOnce { get; init; } = 16;

    /// <summary>How many more changes of one user may wait for each of these limits; further ones are refused (429).</summary>
    [Range(0, int.MaxValue)]
    public int ChangesWaiting { get; init; } = 256;

    /// <summary>The most lists being sent to one user at once. Each holds a database connection.</summary>
    public int ListsAtOnce { get; init; } = 16;

    /// <summary>How many more lists of one user may wait; further ones are refused (429).</summary>
    [Range(0, int.MaxValue)]
    public int ListsWaiting { get; init; } = 64;

    /// <summary>The most reads of single objects a second of one user, in the long run and at once after a quiet time (429).</summary>
    public int ReadsPerSecond { get; init; } = 2000;

    /// <summary>
    /// The most reads of single objects of one user under way at once. Reading a revision of long ago can cost as much as a list.
    /// </summary>
    public int ReadsAtOnce { get; init; } = 16;

    /// <summary>How many more reads of one user may wait for each of these limits; further ones are refused (429).</summary>
    [Range(0, int.MaxValue)]
    public int ReadsWaiting { get; init; } = 1024;

    /// <summary>The most open watches of one user (429).</summary>
    public int WatchesPerUser { get; init; } = 1000;

    /// <summary>The most open watches of all users, <c>system:masters</c> included (429).</summary>
    public int Watches { get; init; } = 5000;

    /// <summary>Whether the limits on a user apply to members of <c>system:masters</c> too.</summary>
    public bool Masters { get; init; }

    /// <summary>How much metadata a job may have.</summary>
    internal MetadataLimits Metadata => new(Labels, AnnotationBytes, BodyBytes);

    /// <summary>The limits that hold for a request.</summary>
    public static RequestLimits Of(HttpContext http) => http.RequestServices?.GetService<RequestLimits>() ?? Default;
}
