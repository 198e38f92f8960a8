using System.Reflection;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Documents;

namespace EventStore.Server.Page;

/// <summary>The page's style sheet, script and icon. Their addresses hold their hashes, so a browser asks once for each release.</summary>
internal static class PageAssets
{
    private static readonly Document StyleSheet = Read("page.css", "text/css; charset=utf-8");
    private static readonly Document ScriptFile = Read("page.js", "text/javascript; charset=utf-8");
    private static readonly Document IconFile = Read("icon.svg", "image/svg+xml");
    private static readonly Document Plugin = Read("kubectl-pjr", "text/x-python; charset=utf-8");

    /// <summary>Where the style sheet is.</summary>
    public static readonly string Style = Address("page.css", StyleSheet);

    /// <summary>Where the script is.</summary>
    public static readonly string Script = Address("page.js", ScriptFile);

    /// <summary>Where the icon is.</summary>
    public static readonly string Icon = Address("icon.svg", IconFile);

    /// <summary>Maps kubectl's plugin: one file to put into the PATH. There is no secret in it.</summary>
    public static void MapPlugin(this IEndpointRouteBuilder page) =>
        page.MapRead("/kubectl-pjr", () => Plugin, RequiresAccess.Open);

    /// <summary>Maps them. They are open to everybody, because the sign-in form needs them.</summary>
    public static void MapAssets(this IEndpointRouteBuilder page)
    {
        RouteGroupBuilder files = page.MapGroup("/assets");
        files.WithMetadata(RequiresAccess.Open);
        files.MapRead("/page.css", () => StyleSheet);
        files.MapRead("/page.js", () => ScriptFile);
        files.MapRead("/icon.svg", () => IconFile);
    }

    private static string Address(string name, Document file) => $"{PageSetup.Root}/assets/{name}?hash={file.Hash}";

    private static Document Read(string name, string contentType)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return new Document(bytes.ToArray(), contentType);
    }
}
