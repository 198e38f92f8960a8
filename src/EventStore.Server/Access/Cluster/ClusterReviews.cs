using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EventStore.Server.Access.Cluster;

/// <summary>How long answers of the cluster are kept, as upstream keeps them.</summary>
internal sealed record ReviewTimes
{
    /// <summary>A token's user, or that it has none.</summary>
    public TimeSpan Token { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan Allowed { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The lack of one.</summary>
    public TimeSpan Denied { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>That a namespace is there.</summary>
    public TimeSpan Namespace { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The time-out of one request to the cluster.</summary>
    public TimeSpan Request { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a success counts as a sign of health.</summary>
    public TimeSpan Health { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>
/// Delegated authentication and authorization: asks a cluster's API server for the user of a token (TokenReview) and for a user's rights
/// (SubjectAccessReview). When the cluster cannot be asked, the answer is no; the log and <c>/readyz</c> say why.
/// </summary>
/// <param name="name">What the health check is called.</param>
/// <param name="reviews">The resource this server must be allowed to create: <c>tokenreviews</c> or <c>subjectaccessreviews</c>.</param>
/// <param name="client">The cluster.</param>
/// <param name="times">How long answers count.</param>
/// <param name="log">Where failures and recoveries are told of.</param>
internal sealed partial class ClusterReviews(string name, V1ResourceAttributes reviews, IKubernetes client, ReviewTimes times, ILogger log)
    : IHealthCheck, IDisposable
{
    /// <summary>What a token review needs the right to.</summary>
    public static readonly V1ResourceAttributes Tokens = new()
    {
        Group = "authentication.k8s.io",
        Resource = "tokenreviews",
        Verb = "create"
    };

    /// <summary>What an access review needs the right to.</summary>
    public static readonly V1ResourceAttributes Rights = new()
    {
        Group = "authorization.k8s.io",
        Resource = "subjectaccessreviews",
        Verb = "create"
    };

    /// <summary>Concurrent requests to the cluster: forged tokens must not become a flood there. More wait until their time-out.</summary>
    private const int RequestsMax = 64;

    private readonly SemaphoreSlim room = new(RequestsMax);
    private readonly ReviewCache<TokenOwner> owners = new(owner => owner.Bytes, _ => times.Token);
    private readonly ReviewCache<AccessVerdict> verdicts = new(_ => 0, verdict => verdict.IsAllowed ? times.Allowed : times.Denied);
    private long succeeded;
    private string? trouble;

    /// <summary>The health check's name.</summary>
    public string Name => name;

    /// <summary>The user a token belongs to; null when the cluster does not know it, or cannot be asked.</summary>
    public async ValueTask<Caller?> Authenticate(string token, CancellationToken stop)
    {
        TokenOwner? owner = await Ask(() => owners.Get(Hash(token), () => Review(token), stop), stop);
        return owner?.Caller;
    }

    /// <summary>Whether the cluster lets the user do that; false when it cannot be asked.</summary>
    public async ValueTask<bool> Allows(Caller caller, AccessRequest request, CancellationToken stop)
    {
        V1SubjectAccessReviewSpec spec = SpecOf(caller, request);
        AccessVerdict? verdict = await Ask(() => verdicts.Get(Hash(KubernetesJson.Serialize(spec)), () => Review(spec), stop), stop);
        return verdict is { IsAllowed: true };
    }

    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        long last = Interlocked.Read(ref succeeded);
        // A server that is not ready receives no requests that could show a recovery, so the check asks the cluster itself.
        if (Volatile.Read(ref trouble) is not null || last == 0 || Stopwatch.GetElapsedTime(last) > times.Health)
            await Ask(() => new ValueTask<AccessVerdict>(Probe()), cancellationToken);
        return Volatile.Read(ref trouble) is { } why ? HealthCheckResult.Unhealthy(why) : HealthCheckResult.Healthy();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        owners.Dispose();
        verdicts.Dispose();
        client.Dispose();
        room.Dispose();
    }

    private static V1SubjectAccessReviewSpec SpecOf(Caller caller, AccessRequest request) => new()
    {
        User = caller.Name,
        Uid = caller.Uid.Length > 0 ? caller.Uid : null,
        Groups = [.. caller.Groups],
        Extra = caller.Extra.Count > 0 ? caller.Extra.ToDictionary(pair => pair.Key, pair => (IList<string>)[.. pair.Value]) : null,
        NonResourceAttributes = request.IsResource ? null : new V1NonResourceAttributes { Path = request.Path, Verb = request.Verb },
        ResourceAttributes = !request.IsResource ? null : new V1ResourceAttributes
        {
            Verb = request.Verb,
            Group = request.Group,
            Version = "v1",
            Resource = request.Resource,
            Subresource = request.Subresource.Length > 0 ? request.Subresource : null,
            NamespaceProperty = request.Namespace,
            Name = request.Name,
        },
    };

    private static string Hash(string text) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private async Task<TokenOwner> Review(string token)
    {
        var review = new V1TokenReview
        {
            ApiVersion = "authentication.k8s.io/v1",
            Kind = "TokenReview",
            Spec = new V1TokenReviewSpec { Token = token }
        };
        V1TokenReview reviewed = await Send(stop => client.AuthenticationV1.CreateTokenReviewAsync(review, cancellationToken: stop));
        if (reviewed.Status is not { Authenticated: true, User: { Username.Length: > 0 } user })
            return new TokenOwner(null);
        return new TokenOwner(new Caller(user.Username, user.Uid ?? "", Caller.WithAuthenticated(user.Groups ?? []))
        {
            Extra = (user.Extra ?? new Dictionary<string, IList<string>>()).ToDictionary(
                pair => pair.Key, pair => (IReadOnlyList<string>)[.. pair.Value]),
        });
    }

    private async Task<AccessVerdict> Review(V1SubjectAccessReviewSpec spec)
    {
        var review = new V1SubjectAccessReview { ApiVersion = "authorization.k8s.io/v1", Kind = "SubjectAccessReview", Spec = spec };
        V1SubjectAccessReviewStatus? status =
            (await Send(stop => client.AuthorizationV1.CreateSubjectAccessReviewAsync(review, cancellationToken: stop))).Status;
        return new AccessVerdict(status is { Allowed: true } and not { Denied: true });
    }

    /// <summary>Asks whether this server may ask.</summary>
    private async Task<AccessVerdict> Probe()
    {
        var review = new V1SelfSubjectAccessReview
        {
            ApiVersion = "authorization.k8s.io/v1",
            Kind = "SelfSubjectAccessReview",
            Spec = new V1SelfSubjectAccessReviewSpec { ResourceAttributes = reviews },
        };
        V1SubjectAccessReviewStatus? status =
            (await Send(stop => client.AuthorizationV1.CreateSelfSubjectAccessReviewAsync(review, cancellationToken: stop))).Status;
        return status is { Allowed: true }
            ? new AccessVerdict(true)
            : throw new InvalidOperationException(
                $"this server may not create {reviews.Resource}.{reviews.Group}: bind it to the ClusterRole system:auth-delegator");
    }

    private async Task<T> Send<T>(Func<CancellationToken, Task<T>> send)
    {
        using var enough = new CancellationTokenSource(times.Request);
        await room.WaitAsync(enough.Token);
        try
        {
            return await send(enough.Token);
        }
        finally
        {
            room.Release();
        }
    }

    /// <summary>Null is the answer when there is none: the cluster is away, or refuses to be asked.</summary>
    private async ValueTask<T?> Ask<T>(Func<ValueTask<T>> ask, CancellationToken stop)
        where T : class
    {
        try
        {
            T answer = await ask();
            Interlocked.Exchange(ref succeeded, Stopwatch.GetTimestamp());
            if (Interlocked.Exchange(ref trouble, null) is not null)
                Recovered(log, name);
            return answer;
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            string why = e is OperationCanceledException
                ? $"the cluster does not answer within {times.Request.TotalSeconds:0.#} seconds"
                : $"the cluster cannot be asked: {(e.InnerException ?? e).Message.ReplaceLineEndings(" ")}";
            if (Interlocked.Exchange(ref trouble, why) != why)
                Failed(log, name, why);
            return null;
        }
    }

    [LoggerMessage(64, LogLevel.Error, "{Name}: everything that needs the cluster is denied, for {Why}")]
    private static partial void Failed(ILogger log, string name, string why);

    [LoggerMessage(65, LogLevel.Information, "{Name}: the cluster answers again")]
    private static partial void Recovered(ILogger log, string name);

    private sealed record AccessVerdict(bool IsAllowed);

    private sealed record TokenOwner(Caller? Caller)
    {
        public int Bytes => Caller is null ? 0 : 2 * (Caller.Name.Length + Caller.Uid.Length + Caller.Groups.Sum(group => group.Length + 32)
            + Caller.Extra.Sum(pair => pair.Key.Length + 64 + pair.Value.Sum(value => value.Length + 32)));
    }
}
