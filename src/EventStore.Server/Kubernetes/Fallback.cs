using System.Text;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;

namespace EventStore.Server.Kubernetes;

/// <summary>
/// The outermost middleware, for requests that nothing else answered. An unhandled exception is logged once, and the client gets
/// only the request's id. Unknown paths and methods get upstream's answers.
/// </summary>
public sealed partial class Fallback(RequestDelegate next, ILogger<Fallback> log)
{
    private static readonly byte[] PageNotFound = Encoding.ASCII.GetBytes("404 page not found\n");

    public async Task Invoke(HttpContext context)
    {
        try
        {
            await next(context);
            await AnswerBare(context);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException && context.RequestAborted.IsCancellationRequested)
        {
            // The client left: there is nobody to answer.
        }
        catch (BadHttpRequestException e)
        {
            await Answer(context, RequestBody.OfBadRequest(e));
        }
        catch (Exception e)
        {
            Failed(log, context.TraceIdentifier, context.Request.Method, context.Request.Path, e);
            await Answer(context, Status.InternalError(context.TraceIdentifier));
        }
    }

    /// <summary>
    /// Answers every method of a path that has no endpoint of its own there: 405, not routing's bare one. It knows the resource, so the
    /// caller's right to it is asked first.
    /// </summary>
    /// <param name="routes">The route table.</param>
    /// <param name="pattern">A path that has endpoints for other methods.</param>
    /// <param name="resource">What the path is about.</param>
    public static IEndpointConventionBuilder MapOtherMethods(IEndpointRouteBuilder routes, string pattern, ApiResource resource) =>
        routes.Map(pattern, context => Status.MethodNotAllowed(resource, RequestInfo.Of(context).Access.Verb).ExecuteAsync(context));

    /// <summary>An answer that is a code and nothing else comes from routing itself.</summary>
    private static Task AnswerBare(HttpContext context)
    {
        HttpResponse response = context.Response;
        if (response.HasStarted || response.ContentLength is not null || response.ContentType is not null)
            return Task.CompletedTask;
        return response.StatusCode switch
        {
            StatusCodes.Status404NotFound => AnswerPageNotFound(response),
            StatusCodes.Status405MethodNotAllowed => Status.MethodNotAllowed().ExecuteAsync(context),
            StatusCodes.Status415UnsupportedMediaType => Status.UnsupportedMediaType(ContentNegotiation.JsonType).ExecuteAsync(context),
            _ => Task.CompletedTask,
        };
    }

    /// <summary>What Go's router says, and so upstream: no Status.</summary>
    private static Task AnswerPageNotFound(HttpResponse response)
    {
        response.ContentType = "text/plain; charset=utf-8";
        response.ContentLength = PageNotFound.Length;
        JsonReply.SetFixedHeaders(response.Headers);
        return response.Body.WriteAsync(PageNotFound, response.HttpContext.RequestAborted).AsTask();
    }

    private static async Task Answer(HttpContext context, Status status)
    {
        if (context.Response.HasStarted)
        {
            // Part of the answer has been sent. Abort the connection, so that the client does not take it for complete.
            context.Abort();
        }
        else if (!context.RequestAborted.IsCancellationRequested)
        {
            var auditId = context.Response.Headers["Audit-Id"];
            context.Response.Clear();
            if (auditId.Count > 0)
                context.Response.Headers["Audit-Id"] = auditId;
            await status.ExecuteAsync(context);
        }
    }

    [LoggerMessage(EventId = 68, Level = LogLevel.Error, Message = "Request {Id} ({Method} {Path}) failed")]
    private static partial void Failed(ILogger log, string id, string method, string path, Exception e);
}
