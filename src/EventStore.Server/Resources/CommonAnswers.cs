using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Requests;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Resources;

/// <summary>Answers that many operations have, as the document for people shows them: worded by the server itself.</summary>
internal static class CommonAnswers
{
    /// <summary>An operation's own answers and the refusals that every one can have, by their codes.</summary>
    public static IReadOnlyList<ApiAnswer> With(ApiResource resource, params IEnumerable<ApiAnswer> answers) => [.. answers.Concat(
    [
        ApiAnswer.Refusal(Status.Unauthorized(), "Unauthorized: no credential, or one nobody knows"),
        ApiAnswer.Refusal(Status.MethodNotAllowed(resource, "create"), "MethodNotAllowed: the path has no such operation"),
        ApiAnswer.Refusal(Status.NotAcceptable(ContentNegotiation.JsonType), "NotAcceptable: the client takes no JSON"),
        ApiAnswer.Refusal(
            Status.InternalError("019aa0f2-7a3c-7c51-9d0e-2f6a1b8c4d5e"),
            "Internal Error: a fault of the server's, which its log explains"),
        ApiAnswer.Refusal(
            DatabaseAnswers.Away(), "ServiceUnavailable: the database is away; the message says whether a change may have been applied"),
    ]).OrderBy(answer => answer.Code)];

    /// <summary>The user lacks the right.</summary>
    /// <param name="resource">To what.</param>
    /// <param name="verb">What was to be done.</param>
    /// <param name="part">To which part of it; empty for the whole.</param>
    /// <param name="name">To which one; empty for a collection.</param>
    public static ApiAnswer Forbidden(ApiResource resource, string verb, string part = "", string name = "") => ApiAnswer.Refusal(
        Status.Forbidden("alice", verb, resource.Group, resource.Plural, part, name, JobExamples.Namespace),
        "Forbidden: the user may not do this");

    /// <summary>The revision that was waited for did not come.</summary>
    public static ApiAnswer TooNew() =>
        ApiAnswer.Refusal(Status.TooLargeResourceVersion(72519300, 72519229), "Timeout: the revision that was named did not come");
}
