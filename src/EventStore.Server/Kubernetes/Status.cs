using System.Globalization;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using static EventStore.Server.Kubernetes.StatusFormatting;

namespace EventStore.Server.Kubernetes;

/// <summary>
/// Kubernetes' <c>Status</c>: the answer when there is no object to answer with. Every refusal is made by a named constructor here,
/// so this is the one file that chooses HTTP codes for errors. The texts are upstream's (apimachinery <c>pkg/api/errors</c>),
/// because client libraries and scripts match on them.
/// </summary>
public sealed partial record Status : IResult
{
    /// <summary>How many fields an answer lists; beyond them it says how many more there are.</summary>
    public const int ListedMax = 100;

    private Status(int code, string reason, string message, StatusDetails? details = null) =>
        (Code, Reason, Message, Details) = (code, reason, message, details);

    /// <summary>200: the object is gone.</summary>
    public static Status Deleted(ApiResource resource, string name, string uid) =>
        new(200, "", "", About(resource, name) with { Uid = uid });

    /// <summary>400: the request makes no sense.</summary>
    public static Status BadRequest(string message, params IReadOnlyList<StatusCause> causes) =>
        new(400, "BadRequest", message, causes.Count == 0 ? null : new StatusDetails { Causes = causes });

    /// <summary>400: a reason is required for the act and was not given; the message says how to give it with kubectl.</summary>
    public static Status ReasonMissing(string act, string path)
    {
        string command = act == "delete" ? "delete" : "create";
        return new(
            400, "BadRequest", $"a reason is required to {act} (--require-reason): send the header Audit-Reason or ?reason=TEXT, as in "
            + $"kubectl {command} --raw '{path}?reason=TEXT'{(act == "delete" ? "" : " -f -")}");
    }

    /// <summary>400: the request would change fields that may not change. kubectl prints causes only for a 422, so the message names
    /// them.</summary>
    public static Status FieldsForbidden(
        ApiResource resource, string name, IReadOnlyList<FieldPath> refused, IReadOnlyList<string> mayChange)
    {
        string[] fields = [.. refused.Take(ListedMax).Select(path => Clip(path.ToString()))];
        string message = $"these fields may not be changed: {string.Join(", ", fields)}{AndMore(refused.Count)}; "
            + $"only these may: {string.Join(", ", mayChange)}";
        StatusCause[] causes = [.. fields.Select(field => new StatusCause("FieldValueForbidden", "Forbidden: may not be changed", field))];
        return new(400, "BadRequest", message, About(resource, name) with { Causes = causes });
    }

    /// <summary>401: no credential, or one nobody knows.</summary>
    public static Status Unauthorized() => new(401, "Unauthorized", "Unauthorized");

    /// <summary>
    /// 403: the user may not do this to the resource; without a namespace the text speaks of the cluster scope. It ends in the roles the
    /// user was meant to have and that are <paramref name="missing"/>, if any are.
    /// </summary>
    public static Status Forbidden(
        string user, string verb, string group, string resource, string subresource, string name, string @namespace, string missing = "")
    {
        string what = subresource.Length == 0 ? resource : $"{resource}/{subresource}";
        string where = @namespace.Length == 0 ? "at the cluster scope" : $"in the namespace {Quote(@namespace)}";
        string subject = ApiResource.Qualify(resource, group) + (name.Length == 0 ? "" : " " + Quote(name));
        string text = $"User {Quote(user)} cannot {verb} resource {Quote(what)} in API group {Quote(group)} {where}";
        return new(403, "Forbidden", $"{subject} is forbidden: {NoMarkup(text)}{Rbac(missing)}", new StatusDetails(name, group, resource));
    }

    /// <summary>403: what was asked for may show jobs that are deleted, and for that another right is needed.</summary>
    public static Status PastForbidden(string user, string verb, ApiResource of, string name, string @namespace) =>
        Forbidden(user, verb, of.Group, of.Plural, "", name, @namespace,
            $"the past of deleted jobs is shown to who may {verb} {of.GroupResource}");

    /// <summary>403: the user may not do this to a path that is no resource.</summary>
    public static Status ForbiddenPath(string user, string verb, string path, string missing = "") =>
        new(403, "Forbidden", $"forbidden: {NoMarkup($"User {Quote(user)} cannot {verb} path {Quote(path)}")}{Rbac(missing)}",
            new StatusDetails());

    /// <summary>403: nothing can be created in a namespace that is being deleted.</summary>
    public static Status NamespaceTerminating(ApiResource resource, string name, string @namespace) => new(403, "Forbidden",
        $"{resource.GroupResource} {Quote(name)} is forbidden: {NoContentIn(@namespace)}",
        About(resource, name) with { Causes = [new("NamespaceTerminating", BeingTerminated(@namespace), "metadata.namespace")] });

    /// <summary>404: no such object.</summary>
    public static Status NotFound(ApiResource resource, string name) =>
        new(404, "NotFound", $"{resource.GroupResource} {Quote(name)} not found", About(resource, name));

    /// <summary>404: a path below that of the pages, and no page is there.</summary>
    public static Status NoSuchPage() => new(404, "NotFound", "there is no such page");

    /// <summary>405: the resource has no such verb.</summary>
    public static Status MethodNotAllowed(ApiResource resource, string verb) =>
        new(405, "MethodNotAllowed", $"{verb} is not supported on resources of kind {Quote(resource.GroupResource)}", About(resource, ""));

    /// <summary>405: the path is no resource and has no such method.</summary>
    public static Status MethodNotAllowed() =>
        new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");

    /// <summary>406: none of the media types the client takes.</summary>
    public static Status NotAcceptable(params IEnumerable<string> served) =>
        new(406, "NotAcceptable", $"only the following media types are accepted: {string.Join(", ", served)}");

    /// <summary>408: the body did not arrive in time.</summary>
    public static Status BodyTimeout() => new(408, "Timeout", "Timeout: the body of the request did not arrive in time");

    /// <summary>409: the name is taken.</summary>
    public static Status AlreadyExists(ApiResource resource, string name, bool beingDeleted = false)
    {
        string prefix = beingDeleted ? "object is being deleted: " : "";
        return new(409, "AlreadyExists", $"{prefix}{resource.GroupResource} {Quote(name)} already exists", About(resource, name));
    }

    /// <summary>409 for a reason of the caller's.</summary>
    public static Status Conflict(ApiResource resource, string name, string text) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {resource.GroupResource} {Quote(name)}: {text}", About(resource, name));

    /// <summary>409: an apply would change what other managers own; a cause for each such field.</summary>
    public static Status ApplyConflict(string message, IReadOnlyList<StatusCause> causes) =>
        new(409, "Conflict", message, new StatusDetails { Causes = causes });

    /// <summary>409: the resourceVersion given is not the current one.</summary>
    public static Status Modified(ApiResource resource, string name) =>
        Conflict(resource, name, "the object has been modified; please apply your changes to the latest version and try again");

    /// <summary>409: a PUT with the uid of another object; upstream shows its storage's words, and an empty uid when there is no
    /// object.</summary>
    public static Status UidMismatch(ApiResource resource, string @namespace, string name, string given, string actual) =>
        Conflict(resource, name,
            $"StorageError: invalid object, Code: 4, Key: /registry/{resource.Group}/{resource.Plural}/{@namespace}/{name}, "
            + $"ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {given}, UID in object meta: {actual}");

    /// <summary>409: a delete that names another uid.</summary>
    public static Status UidPrecondition(ApiResource resource, string name, string given, string actual) =>
        KindConflict(resource, name, $"the UID in the precondition ({given}) does not match the UID in record ({actual}). "
            + "The object might have been deleted and then recreated");

    /// <summary>409: a delete that names another resourceVersion.</summary>
    public static Status ResourceVersionPrecondition(ApiResource resource, string name, string given, string actual) =>
        KindConflict(
            resource, name, $"the ResourceVersion in the precondition ({given}) does not match the ResourceVersion in record ({actual}). "
            + "The object might have been modified");

    /// <summary>413: the body is beyond the limit.</summary>
    public static Status TooLarge(long limit) =>
        new(413, "RequestEntityTooLarge", string.Create(CultureInfo.InvariantCulture, $"Request entity too large: limit is {limit}"));

    /// <summary>413: the body has more JSON values than a body may have.</summary>
    public static Status TooManyValues(int limit) => new(
        413, "RequestEntityTooLarge", string.Create(
            CultureInfo.InvariantCulture, $"Request entity too large: the body has more than {limit} JSON values"));

    /// <summary>415: the body is compressed.</summary>
    public static Status UnsupportedEncoding(string encoding) => new(
        415, "UnsupportedMediaType",
        $"the body of the request is encoded with {Quote(Clip(encoding))}: send it as it is, without Content-Encoding");

    /// <summary>413: a JSON Patch has too many operations.</summary>
    public static Status TooManyOperations(int most, int count) => new(413, "RequestEntityTooLarge",
        string.Create(CultureInfo.InvariantCulture,
            $"Request entity too large: The allowed maximum operations in a JSON patch is {most}, got {count}"));

    /// <summary>415: the body is of another media type than those read here.</summary>
    public static Status UnsupportedMediaType(params IEnumerable<string> read) => new(415, "UnsupportedMediaType",
        $"the body of the request was in an unknown format - accepted media types include: {string.Join(", ", read)}");

    /// <summary>422: fields of the object are wrong, all of them listed.</summary>
    public static Status Invalid(ApiResource resource, string name, IEnumerable<FieldError> errors) =>
        Invalid(resource.Kind, resource.Group, name, errors);

    /// <summary>422: query or body options are wrong; <paramref name="kind"/> is <c>PatchOptions</c>, <c>ListOptions</c>, …</summary>
    public static Status InvalidOptions(string kind, IEnumerable<FieldError> errors) => Invalid(kind, "meta.k8s.io", "", errors);

    /// <summary>422: an update without resourceVersion. Here, and only here, upstream puts the plural where the kind belongs.</summary>
    public static Status ResourceVersionMissing(ApiResource resource, string name) => Invalid(resource.Plural, resource.Group, name,
        [FieldError.Invalid(FieldPath.Of("metadata", "resourceVersion"), 0, "must be specified for an update")]);

    /// <summary>422: many were to go back together, and some cannot; each is named, up to <see cref="ListedMax"/>.</summary>
    public static Status NotAllCanGoBack(ApiResource resource, IReadOnlyCollection<(string Name, string Why)> cannot)
    {
        StatusCause[] causes = [.. cannot.Take(ListedMax).Select(each => new StatusCause("FieldValueInvalid", each.Why, each.Name))];
        string list = string.Join("; ", cannot.Take(ListedMax).Select(each => $"{each.Name}: {each.Why}")) + AndMore(cannot.Count);
        return new(422, "Invalid", $"nothing was changed: {cannot.Count} of the jobs cannot go back: {list}",
            new StatusDetails("", resource.Group, resource.Kind) { Causes = causes });
    }

    /// <summary>422: so many cannot be changed together.</summary>
    public static Status TooManyAtOnce(long count, long most, string unit = "jobs") => new(
        422, "Invalid",
        $"{count} jobs are selected, and at most {most} {unit} go back together: name a limit, and go on behind the last name");

    /// <summary>422: a patch whose result cannot be decoded; upstream leaves out what it is about.</summary>
    public static Status InvalidPatch(JsonValue patched, string text) =>
        Invalid("", "", "", [FieldError.Invalid(FieldPath.Of("patch"), patched.ToString(), text)]);

    /// <summary>429: a queue is full, or one user asks for more than a share.</summary>
    public static Status TooManyRequests(string? why = null, int retryAfterSeconds = RetryAfter.Seconds)
    {
        string text = "too many requests, please try again later" + (why is null ? "" : $": {why}");
        return new(429, "TooManyRequests", text, new StatusDetails(RetryAfterSeconds: retryAfterSeconds));
    }

    /// <summary>500: a fault of ours. What it was stands in the log under that id, and nowhere else.</summary>
    public static Status InternalError(string requestId, string rest = "") =>
        Internal($"request {requestId} failed; the server's log says why{rest}");

    /// <summary>422: a JSON Patch does not apply, or is too much work. Upstream does not say which operation failed.</summary>
    public static Status PatchFailed() =>
        new(422, "Invalid", "the server rejected our request due to an error in our request", new StatusDetails());

    /// <summary>500: the object has no such field to show through its scale subresource; the code is upstream's.</summary>
    public static Status NoScale(string path) => Internal($"the spec replicas field {Quote(path)} does not exist");

    /// <summary>500: an event in the history cannot be read; the message says which.</summary>
    public static Status Unreadable(string message) => Internal(message);

    /// <summary>410: a watch cannot go on from where it is. Clients list again and watch from there.</summary>
    public static Status Expired(string message) => new(410, "Expired", message, null);

    /// <summary>503: the database is away.</summary>
    public static Status Unavailable(string message, int retryAfterSeconds = RetryAfter.Seconds) =>
        new(503, "ServiceUnavailable", message, new StatusDetails(RetryAfterSeconds: retryAfterSeconds));

    /// <summary>504: it took too long.</summary>
    public static Status Timeout(string message) =>
        new(504, "Timeout", $"Timeout: {message}", new StatusDetails(RetryAfterSeconds: RetryAfter.Seconds));

    /// <summary>504: a revision that does not exist yet, after waiting for it.</summary>
    public static Status TooLargeResourceVersion(long asked, long current)
    {
        var cause = new StatusCause("ResourceVersionTooLarge", "Too large resource version", "");
        Status timeout = Timeout(
            string.Create(CultureInfo.InvariantCulture, $"Too large resource version: {asked}, current: {current}"));
        return timeout with { Details = timeout.Details! with { Causes = [cause] } };
    }

    private static StatusDetails About(ApiResource resource, string name) => new(name, resource.Group, resource.Plural);

    private static Status Internal(string what) =>
        new(500, "InternalError", $"Internal error occurred: {what}", new StatusDetails { Causes = [new("", what, "")] });

    private static Status KindConflict(ApiResource resource, string name, string text) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {resource.GroupKind} {Quote(name)}: {text}",
            new(name, resource.Group, resource.Kind));

    private static Status Invalid(string kind, string group, string name, IEnumerable<FieldError> errors)
    {
        FieldError[] all = [.. errors];
        StatusCause[] causes = [.. all.Take(ListedMax).Select(error => new StatusCause(error.Reason, error.Message, error.Field))];
        string message = $"{ApiResource.Qualify(kind, group)} {Quote(name)} is invalid: {Listed(all)}";
        return new(422, "Invalid", message, new StatusDetails(name, group, kind) { Causes = causes });
    }
}
