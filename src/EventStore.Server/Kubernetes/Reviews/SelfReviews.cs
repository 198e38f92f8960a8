using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Kubernetes.Requests;

namespace EventStore.Server.Kubernetes.Reviews;

/// <summary>
/// Reviews of the caller's own rights and identity (<c>kubectl auth can-i</c>, <c>can-i --list</c>, <c>whoami</c>). They are posted
/// like objects and answered at once; nothing is stored. <see cref="Authorization"/> decides.
/// </summary>
public static class SelfReviews
{
    private static readonly TextShape Text = new();

    private static readonly ProtobufMessage AccessMessage = new(new ProtobufField(2, "spec", new ProtobufMessage(
        new ProtobufField(1, "resourceAttributes", new ProtobufMessage(
            new(1, "namespace"), new(2, "verb"), new(3, "group"), new(4, "version"),
            new(5, "resource"), new(6, "subresource"), new(7, "name"))),
        new ProtobufField(2, "nonResourceAttributes", new ProtobufMessage(new(1, "path"), new(2, "verb"))))));

    private static readonly ProtobufMessage RulesMessage = new(
        new ProtobufField(2, "spec", new ProtobufMessage(new ProtobufField(1, "namespace"))));

    private static readonly ObjectShape AccessSpec = new(
        ("nonResourceAttributes", new ObjectShape(("path", Text, ""), ("verb", Text, "")), ""),
        ("resourceAttributes", new ObjectShape([.. ((string[])["group", "name", "namespace", "resource", "subresource", "verb", "version"])
            .Select(name => (name, (Shape)Text, ""))]), ""));

    private static readonly Review[] Reviews =
    [
        new(Named("authorization.k8s.io", "SelfSubjectAccessReview"), AccessMessage, AccessSpec, OfAccess),
        new(Named("authorization.k8s.io", "SelfSubjectRulesReview"), RulesMessage, new ObjectShape(("namespace", Text, "")), OfRules),
        new(Named("authentication.k8s.io", "SelfSubjectReview"), new ProtobufMessage(), new ObjectShape(), OfCaller),
    ];

    /// <summary>What discovery says of them.</summary>
    public static IReadOnlyList<ServedResource> Served { get; } =
    [
        .. Reviews.Select(review => new ServedResource(review.Resource, "", [], ["create"])
        {
            Namespaced = false,
            Shape = new ObjectShape(
            [
                ("apiVersion", Text, review.Resource.GroupVersion),
                ("kind", Text, review.Resource.Kind),
                ("metadata", Schema.ObjectMeta, "Nothing: it is not stored."),
                .. review.Spec.Fields.Count == 0 ? [] : ((string, Shape, string)[])[("spec", review.Spec, "What is asked.")],
                ("status", new AnyShape(), "The answer."),
            ]),
            About = "A question about the caller's own rights or identity, answered at once.",
        }),
    ];

    public static void MapSelfReviews(this IEndpointRouteBuilder app)
    {
        foreach (Review review in Reviews)
        {
            string path = $"{Discovery.Root(review.Resource)}/{review.Resource.Plural}";
            RouteGroupBuilder routes = app.MapGroup(path);
            Delegate answer = (HttpContext http) => Answer(http, review);
            routes.MapPost("", answer);
            Fallback.MapOtherMethods(routes, "", review.Resource);
            routes.WithMetadata(new RequiresAccess(review.Resource.Group, review.Resource.Plural)).ExcludeFromDescription();
        }
    }

    private static async Task<IResult> Answer(HttpContext http, Review review)
    {
        if (!ContentNegotiation.TryChoose(http.Request.Headers.Accept, Representations.PlainOrYaml, out _, out Status? refusal))
            return refusal;
        (JsonObject? body, refusal) = await ReviewBody.Read(http.Request, review.Resource, review.Message);
        if (refusal is not null || !WriteOptions.TryRead(http.Request, WriteKind.Create, out _, out refusal))
            return refusal;
        JsonValue? spec = body!["spec"];
        if (review.Spec.Errors(FieldPath.Of("spec"), spec) is { Count: > 0 } errors)
            return Status.BadRequest(
                $"{review.Resource.Kind} in version \"v1\" cannot be handled as a {review.Resource.Kind}: {string.Join(", ", errors)}");
        (JsonObject? status, refusal) = await review.Answer(http, spec as JsonObject ?? JsonObject.Empty);
        if (refusal is not null)
            return refusal;
        JsonObject answer = JsonObject.Of(
            ("apiVersion", review.Resource.GroupVersion),
            ("kind", review.Resource.Kind),
            ("metadata", JsonObject.Empty),
            ("status", status!));
        return new JsonReply(201, (review.Spec.Fields.Count == 0 ? answer : answer.With("spec", spec ?? JsonObject.Empty)).ToUtf8());
    }

    private static async ValueTask<(JsonObject?, Status?)> OfAccess(HttpContext http, JsonObject spec)
    {
        JsonObject? resource = spec["resourceAttributes"] as JsonObject, path = spec["nonResourceAttributes"] as JsonObject;
        if (resource is null == path is null)
            return (null, OneOfTwo(path));
        var authorization = http.RequestServices.GetRequiredService<Authorization>();
        AccessRequest asked = resource is null
            ? new AccessRequest(TextOf(path!, "verb"), "", "", "", null, null) { Path = TextOf(path!, "path") }
            : new AccessRequest(
                TextOf(resource, "verb"), TextOf(resource, "group"), TextOf(resource, "resource"), TextOf(resource, "subresource"),
                GivenText(resource, "namespace"), GivenText(resource, "name"));
        Caller user = RequestInfo.Of(http).User;
        bool allowed = await authorization.AllowsAsync(user, asked, http.RequestAborted);
        JsonObject status = JsonObject.Of(("allowed", JsonBoolean.Of(allowed)));
        string missing = allowed ? "" : authorization.MissingRoles(user, asked.Namespace);
        return (missing.Length == 0 ? status : status.With("reason", $"RBAC: {missing}"), null);
    }

    private static ValueTask<(JsonObject?, Status?)> OfRules(HttpContext http, JsonObject spec)
    {
        if (GivenText(spec, "namespace") is not { } @namespace)
            return new((null, Status.BadRequest("no namespace on request")));
        var authorization = http.RequestServices.GetRequiredService<Authorization>();
        Caller user = RequestInfo.Of(http).User;
        IReadOnlyList<AccessRule> rules = authorization.RulesOf(user, @namespace);
        string missing = authorization.IsDelegated
            ? "webhook authorizer does not support user rule resolution"
            : authorization.MissingRoles(user, @namespace);
        JsonObject status = JsonObject.Of(
            ("incomplete", JsonBoolean.Of(missing.Length > 0)),
            ("nonResourceRules", new JsonArray([.. rules.Where(rule => rule.Paths.Count > 0).Select(rule => JsonObject.Of(
                ("nonResourceURLs", Discovery.Names(rule.Paths)), ("verbs", Discovery.Names(rule.Verbs))))])),
            ("resourceRules", new JsonArray([.. rules.Where(rule => rule.Resources.Count > 0).Select(OfResources)])));
        return new((missing.Length == 0 ? status : status.With("evaluationError", missing), null));
    }

    private static JsonObject OfResources(AccessRule rule)
    {
        JsonObject shown = JsonObject.Of(
            ("apiGroups", Discovery.Names(rule.Groups)),
            ("resources", Discovery.Names(rule.Resources)),
            ("verbs", Discovery.Names(rule.Verbs)));
        return rule.Names.Count == 0 ? shown : shown.With("resourceNames", Discovery.Names(rule.Names));
    }

    private static ValueTask<(JsonObject?, Status?)> OfCaller(HttpContext http, JsonObject spec)
    {
        Caller caller = RequestInfo.Of(http).User;
        JsonObject user = JsonObject.Of(("groups", Discovery.Names(caller.Groups)), ("username", caller.Name));
        if (caller.Extra.Count > 0)
            user = user.With("extra", JsonObject.Of([.. caller.Extra.Select(pair => (pair.Key, (JsonValue)Discovery.Names(pair.Value)))]));
        return new((JsonObject.Of(("userInfo", caller.Uid.Length == 0 ? user : user.With("uid", caller.Uid))), null));
    }

    /// <summary>422, as apiserver's <c>ValidateSelfSubjectAccessReviewSpec</c> has it for both and for neither.</summary>
    private static Status OneOfTwo(JsonObject? path)
    {
        FieldPath spec = FieldPath.Of("spec");
        FieldError error = path is null
            ? FieldError.Invalid(spec.Member("resourceAttributes"), JsonNull.Value,
                "exactly one of nonResourceAttributes or resourceAttributes must be specified")
            : FieldError.Invalid(spec.Member("nonResourceAttributes"), path, "cannot be specified in combination with resourceAttributes");
        return Status.Invalid(Reviews[0].Resource, "", [error]);
    }

    private static string TextOf(JsonObject attributes, string name) => (attributes[name] as JsonText)?.Value ?? "";

    private static string? GivenText(JsonObject attributes, string name) => TextOf(attributes, name) is { Length: > 0 } text ? text : null;

    private static ApiResource Named(string group, string kind)
    {
        string singular = kind.ToLowerInvariant();
        return new ApiResource(group, "v1", singular + "s", singular, kind);
    }

    private sealed record Review(
        ApiResource Resource, ProtobufMessage Message, ObjectShape Spec,
        Func<HttpContext, JsonObject, ValueTask<(JsonObject? Status, Status? Refusal)>> Answer);
}
