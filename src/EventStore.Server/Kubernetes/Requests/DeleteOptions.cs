using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>What becomes of an object's dependents.</summary>
public enum Propagation
{
    /// <summary>They are deleted after it.</summary>
    Background,

    /// <summary>They are deleted before it.</summary>
    Foreground,

    /// <summary>They stay.</summary>
    Orphan,
}

/// <summary>
/// The options of a delete: from the body if there is one, else from the query (apiserver <c>delete.go</c>). kubectl always sends a body.
/// </summary>
/// <param name="DryRun">Do everything but store.</param>
/// <param name="Propagation">What becomes of dependents; null when it was not said.</param>
/// <param name="Uid">The uid the object must have; null for any.</param>
/// <param name="ResourceVersion">The resourceVersion the object must have; null for any.</param>
public sealed record DeleteOptions(bool DryRun, Propagation? Propagation, string? Uid, string? ResourceVersion)
{
    // Upstream ignores the query if there is a body, and so deletes where dryRun was in the query.
    private const string OnlyInQuery = "dryRun in the query is not in the body, and a body takes the query's place: say it in the body";

    /// <summary>Reads the options of a request whose body has been read.</summary>
    public static bool TryRead(
        HttpRequest request,
        ReadOnlySpan<byte> body,
        ApiResource resource,
        [NotNullWhen(true)] out DeleteOptions? options,
        [NotNullWhen(false)] out Status? refusal)
    {
        options = null;
        refusal = body.IsEmpty ? null : ContentNegotiation.RefuseBody(request.Headers.ContentType);
        if (refusal is not null)
            return false;
        Written written = body.IsEmpty ? Written.OfQuery(request.Query) : Written.OfBody(body, resource);
        if (!body.IsEmpty && !request.Query["dryRun"].All(value => written.DryRun.Contains(value)))
            written = written with { Wrong = written.Wrong ?? OnlyInQuery };
        var errors = new List<FieldError>();
        if (written.Wrong is { } wrong)
            refusal = Status.BadRequest(wrong);
        else if (written.Check(errors) is var read && errors.Count == 0)
            options = read;
        else
            refusal = Status.InvalidOptions("DeleteOptions", errors);
        return refusal is null;
    }

    /// <summary>The options as they were written: of the right types, perhaps of wrong values.</summary>
    private sealed record Written(
        string? Policy,
        bool? OrphanDependents,
        long GracePeriodSeconds,
        StringValues DryRun,
        string? Uid,
        string? ResourceVersion)
    {
        /// <summary>What could not even be decoded, or null.</summary>
        public string? Wrong { get; init; }

        public static Written OfQuery(IQueryCollection query)
        {
            (long grace, string? wrong) = (0, null);
            if (GoParsing.First(query["gracePeriodSeconds"]) is { } seconds)
                wrong = GoParsing.Int64(seconds, out grace);
            return new Written(
                GoParsing.First(query["propagationPolicy"]),
                GoParsing.Flag(query["orphanDependents"]),
                grace,
                query["dryRun"],
                query["uid"] is [{ Length: > 0 } uid, ..] ? uid : null,
                query["resourceVersion"] is [{ Length: > 0 } version, ..] ? version : null)
            { Wrong = wrong };
        }

        public static Written OfBody(ReadOnlySpan<byte> body, ApiResource resource)
        {
            if (!JsonReading.TryParse(body, out JsonValue? value, out JsonFault? fault))
                return Undecodable($"couldn't get version/kind; json parse error: {GoSyntax.Explain(body) ?? fault!.Message}");
            if (value is not JsonObject given)
                return Undecodable("decoded object cannot be converted to DeleteOptions");
            var members = new JsonFields(given, "DeleteOptions");
            bool isOptions = members.Text("kind") is null or "" or "DeleteOptions"
                && members.Text("apiVersion") is var version
                && (version is null or "" or "v1" or "meta.k8s.io/v1" || version == resource.GroupVersion);
            if (!isOptions)
                return Undecodable("decoded object cannot be converted to DeleteOptions");
            JsonFields preconditions = members.Within("preconditions", "Preconditions");
            var written = new Written(
                members.Text("propagationPolicy"),
                members.Flag("orphanDependents"),
                members.Int64("gracePeriodSeconds") ?? 0,
                members.Texts("dryRun"),
                preconditions.Text("uid"),
                preconditions.Text("resourceVersion"));
            return written with { Wrong = members.Wrong ?? preconditions.Wrong };
        }

        public DeleteOptions Check(List<FieldError> errors)
        {
            FieldPath field = FieldPath.Of("propagationPolicy");
            if (Policy is not null && OrphanDependents is not null)
                errors.Add(FieldError.Invalid(field, Policy, "orphanDependents and deletionPropagation cannot be both set"));
            Propagation? propagation = Policy switch
            {
                "Background" => Requests.Propagation.Background,
                "Foreground" => Requests.Propagation.Foreground,
                "Orphan" => Requests.Propagation.Orphan,
                _ => null,
            };
            if (Policy is not null && propagation is null)
                errors.Add(FieldError.NotSupported(field, Policy, "Foreground", "Background", "Orphan", "nil"));
            if (OrphanDependents is { } orphan)
                propagation = orphan ? Requests.Propagation.Orphan : Requests.Propagation.Background;
            if (GracePeriodSeconds < 0)
                errors.Add(
                    FieldError.Invalid(FieldPath.Of("gracePeriodSeconds"), GracePeriodSeconds, "must be greater than or equal to 0"));
            return new DeleteOptions(WriteOptions.ReadDryRun(DryRun, errors), propagation, Uid, ResourceVersion);
        }

        private static Written Undecodable(string wrong) => new(null, null, 0, default, null, null) { Wrong = wrong };
    }
}
