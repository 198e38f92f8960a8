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

    /// <summary>The most bytes of a body: upstream's limit.</summary>
    [Range(1024, 16 << 20)]
    public int BodyBytes { get; init; } = RequestBody.BytesMax;

    /// <summary>
    /// The most bytes of the body of a PUT. A job holds what its owner wrote and what the operator wrote, each up to the limit of a
    /// body, and a client must be able to put back what it read.
    /// </summary>
    [Range(1024, 64 << 20)]
    public int PutBytes { get; init; } = (2 * RequestBody.BytesMax) + (1 << 20);

    /// <summary>
    /// The most JSON values and names of members in a body; of a PUT twice as many. A value takes far more memory than it has bytes.
    /// </summary>
    [Range(10_000, 10_000_000)]
    public int BodyValues { get; init; } = 300_000;

    /// <summary>How many bytes the bodies of all requests may hold together while they are read; who finds no room waits.</summary>
    [Range(typeof(long), "1048576", "1099511627776")]
    public long BodiesReadBytes { get; init; } = 64 << 20;

    /// <summary>
    /// How many bytes of memory all parsed bodies may take together until their requests are answered. Further requests wait.
    /// </summary>
    [Range(typeof(long), "1048576", "1099511627776")]
    public long BodiesParsedBytes { get; init; } = 128 << 20;

    /// <summary>How long a request waits for room for its body, before it is refused with 429.</summary>
    public TimeSpan BodiesWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The most terms of a label or a field selector; each value of a set counts, and equal ones count once.</summary>
    [Range(1, 100_000)]
    public int SelectorTerms { get; init; } = LabelSelector.TermsMax;

    /// <summary>How many bytes a second a body must at least bring, once <see cref="BodyGrace"/> is over.</summary>
    public int BodyBytesPerSecond { get; init; } = 240;

    /// <summary>How long a body may be slower than that.</summary>
    public TimeSpan BodyGrace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How deep JSON may be nested.</summary>
    [Range(20, JsonReading.DepthMax)]
    public int Nesting { get; init; } = JsonReading.DepthMax;

    /// <summary>The most labels of a job.</summary>
    public int Labels { get; init; } = MetadataLimits.Default.Labels;

    /// <summary>The most bytes of a job's annotations, keys and values together.</summary>
    [Range(1, 256 * 1024)]
    public int AnnotationBytes { get; init; } = MetadataLimits.Default.AnnotationBytes;

    /// <summary>The most bytes of a request's first line, which holds the selectors.</summary>
    [Range(1024, 1 << 20)]
    public int LineBytes { get; init; } = 8 * 1024;

    /// <summary>The most bytes of all headers.</summary>
    [Range(1024, 1 << 20)]
    public int HeaderBytes { get; init; } = 32 * 1024;

    /// <summary>The most headers.</summary>
    public int Headers { get; init; } = 100;

    /// <summary>How long the headers may take to arrive.</summary>
    public TimeSpan HeaderTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a request may take that is no watch and no list: upstream's time.</summary>
    public TimeSpan RequestTime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a connection may be idle.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromSeconds(130);

    /// <summary>The most connections.</summary>
    public int Connections { get; init; } = 10_000;

    /// <summary>How many changes a second one user may ask for, in the long run: every POST, PUT, PATCH and DELETE is one.</summary>
    public int ChangesPerSecond { get; init; } = 1000;

    /// <summary>How many changes one user may ask for at once after a quiet time.</summary>
    public int ChangesBurst { get; init; } = 2000;

    /// <summary>
    /// The most changes of one user under way at once, which leaves room in the commit lane for others. Batches of this size
    /// already commit almost as efficiently as larger ones.
    /// </summary>
    public int ChangesAtOnce { get; init; } = 16;

    /// <summary>How many more may wait, for that share and as many for the rate.</summary>
    [Range(0, int.MaxValue)]
    public int ChangesWaiting { get; init; } = 256;

    /// <summary>How many lists one user may be sent at once: each holds a connection to the database.</summary>
    public int ListsAtOnce { get; init; } = 16;

    /// <summary>How many more may wait.</summary>
    [Range(0, int.MaxValue)]
    public int ListsWaiting { get; init; } = 64;

    /// <summary>How many reads of one object a second one user may ask for, in the long run and at once after a quiet time.</summary>
    public int ReadsPerSecond { get; init; } = 2000;

    /// <summary>How many reads of one object one user may have under way: some cost as much as a list, as of a revision long ago.</summary>
    public int ReadsAtOnce { get; init; } = 16;

    /// <summary>How many more may wait, for that share and as many for the rate.</summary>
    [Range(0, int.MaxValue)]
    public int ReadsWaiting { get; init; } = 1024;

    /// <summary>How many watches one user may have open.</summary>
    public int WatchesPerUser { get; init; } = 1000;

    /// <summary>How many watches all users together may have open, <c>system:masters</c> included.</summary>
    public int Watches { get; init; } = 5000;

    /// <summary>Whether the limits on a user hold for members of <c>system:masters</c> too.</summary>
    public bool Masters { get; init; }

    /// <summary>How much metadata a job may have.</summary>
    internal MetadataLimits Metadata => new(Labels, AnnotationBytes, BodyBytes);

    /// <summary>The limits that hold for a request.</summary>
    public static RequestLimits Of(HttpContext http) => http.RequestServices?.GetService<RequestLimits>() ?? Default;
}
