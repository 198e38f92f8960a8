using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using EventStore.Server.Hosting;
using EventStore.Server.Postgres;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace EventStore.Server.Cli;

/// <summary><c>serve</c>: opens the database, builds the web application, and runs it until somebody says stop.</summary>
internal static partial class Serve
{
    // Settings are read once. To watch their files all the same takes one of the few inotify instances an account has, without which .NET does
    // not even start.
    private const string NoReload = "--hostBuilder:reloadConfigOnChange=false";

    public static async Task<int> Run(CommandLine line)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = [.. line.Options, NoReload], ContentRootPath = AppContext.BaseDirectory });
        Terminal.AddLogging(builder.Logging.ClearProviders());
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("EventStore.Server.Access", LogLevel.Warning)
            .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None); // else a span is made for each request that nobody traces
        using ILoggerFactory logging = LoggerFactory.Create(log => Terminal.AddLogging(log.AddConfiguration(builder.Configuration.GetSection("Logging"))));
        ILogger startLog = logging.CreateLogger(Settings.ProgramName);
        Settings settings = Settings.Read(builder.Configuration);

        using var starting = new StopSignals();
        CancellationToken stop = starting.Stop;
        await using Database? database = await Open(settings, startLog, stop);
        if (database is null)
            return 0;
        await Prepare(database, startLog);
        CredentialSources credentials = CredentialSources.Read(settings, builder.Configuration, logging);
        using X509Certificate2? certificate = Certificate(builder, settings, database);
        await using WebApplication app = Web.Build(builder, database, credentials, certificate);
        await Start(app);
        starting.Dispose(); // from here on the host answers the signals
        if (stop.IsCancellationRequested)
        {
            await app.StopAsync(CancellationToken.None);
            return 0;
        }

        Welcome(app, settings, credentials, HasFolder(settings, database), certificate);
        Task stopped = app.WaitForShutdownAsync();
        if (await Task.WhenAny(stopped, database.Ended) == stopped)
            return 0;
        DatabaseEnded(startLog);
        await app.StopAsync();
        return 1;
    }

    /// <summary>Opens the database; null when a signal came first.</summary>
    private static async Task<Database?> Open(Settings settings, ILogger log, CancellationToken stop)
    {
        try
        {
            return await Database.Open(settings, log, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>The private database is brought up to date; one that was named must be, and is looked at for what makes it unsafe.</summary>
    private static async Task Prepare(Database database, ILogger log)
    {
        if (database.IsPrivate)
        {
            await Migrate.Apply(database, log, new MigrationLimits());
            return;
        }

        IReadOnlyList<string> pending = await Migrations.Pending(database.ServingConnectionString);
        if (pending.Count > 0)
        {
            throw new OperatorException(
                $"the database lacks {pending.Count} migrations, the first is {pending[0]}",
                $"Run '{Settings.ProgramName} migrate' with ConnectionStrings__PostgresOwner set to the database's owner.");
        }

        if (await ServingRole.HasOwnersRights(database.ServingConnectionString))
            TooManyRights(log);
        foreach (string sentence in await ServingRole.UnsafeSettings(database.ServingConnectionString))
            UnsafeSetting(log, sentence);
    }

    /// <summary>
    /// The server's own certificate, when it has a folder of its own and TLS is not configured otherwise. Without one, kubectl could
    /// not log in: it sends no token over plain HTTP.
    /// </summary>
    private static X509Certificate2? Certificate(WebApplicationBuilder builder, Settings settings, Database database)
    {
        if (string.IsNullOrEmpty(builder.Configuration["urls"]))
            builder.WebHost.UseUrls(Settings.DefaultUrl);
        string[] urls = (builder.Configuration["urls"] ?? Settings.DefaultUrl).Split(';');
        bool configured = builder.Configuration.GetSection("Kestrel:Endpoints").Exists() || urls.Any(url => url.StartsWith("https:", StringComparison.OrdinalIgnoreCase));
        if (configured || !HasFolder(settings, database))
            return null;
        string[] hosts = ["localhost", "127.0.0.1", "::1", Environment.MachineName.ToLowerInvariant()];
        return OwnCertificate.LoadOrMake(settings.DataFolder, [.. hosts.Concat(urls.Select(Host).OfType<string>()).Distinct()]);
    }

    /// <summary>Whether there is a folder to write to: one that is needed, or one that was named.</summary>
    private static bool HasFolder(Settings settings, Database database) => database.IsPrivate || settings.DataFolderGiven || settings.TokenAuthFile is null;

    private static string? Host(string url) =>
        Uri.TryCreate(url.Trim(), UriKind.Absolute, out Uri? uri) && uri.Host is not ("0.0.0.0" or "[::]" or "+" or "*") ? uri.Host.Trim('[', ']') : null;

    private static async Task Start(WebApplication app)
    {
        try
        {
            await app.StartAsync();
        }
        catch (Exception e) when (e is IOException or FormatException || (e is InvalidOperationException && e.Source == "Microsoft.AspNetCore.Server.Kestrel.Core"))
        {
            throw new OperatorException($"cannot listen: {e.Message.ReplaceLineEndings(" ")}", "Choose another address with --urls, for example --urls http://127.0.0.1:8081.");
        }
        catch (SocketException e)
        {
            throw new OperatorException($"cannot listen: {e.Message}", "Choose an address of this machine with --urls.");
        }
    }

    /// <summary>Three lines to paste, for somebody who has never seen the server; and the kubeconfig one of them names.</summary>
    private static void Welcome(WebApplication app, Settings settings, CredentialSources credentials, bool hasFolder, X509Certificate2? certificate)
    {
        ICollection<string> addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        // Beside the server's own certificate there is plain HTTP at the same address, which a person can use without naming it.
        string url = certificate is not null
            ? addresses.First().Replace("https://", "http://", StringComparison.Ordinal)
            : addresses.FirstOrDefault(address => address.StartsWith("https://", StringComparison.Ordinal)) ?? addresses.First();
        url = url.Replace("//[::]", "//127.0.0.1", StringComparison.Ordinal).Replace("//0.0.0.0", "//127.0.0.1", StringComparison.Ordinal);
        Terminal.Say($"Serving on   {url}");
        bool isTls = certificate is not null || url.StartsWith("https://", StringComparison.Ordinal);
        if (credentials.AdminToken is not { } token || !isTls || !hasFolder)
            return;
        string kubeconfig = Path.Combine(settings.DataFolder, "kubeconfig");
        ServedTls tls = certificate is not null ? ServedTls.Own(certificate) : ServedTls.Configured(app.Configuration, app.Environment.ContentRootPath, new Uri(url));
        Directory.CreateDirectory(settings.DataFolder);
        Kubeconfig.Write(kubeconfig, url.Replace("http://", "https://", StringComparison.Ordinal), tls, token);
        Terminal.Say($"kubectl      kubectl --kubeconfig {kubeconfig} get pytorchjobs --all-namespaces");
        if (certificate is null)
            return; // curl would have to be told whom to trust
        string tokens = settings.TokenAuthFile ?? Path.Combine(settings.DataFolder, "tokens.csv");
        Terminal.Say($"curl         curl -H \"Authorization: Bearer $(grep -m1 system:masters {tokens} | cut -d, -f1)\" {url}/apis/kubeflow.org/v1/pytorchjobs");
    }

    [LoggerMessage(LogLevel.Critical, "The private PostgreSQL ended by itself; stopping")]
    private static partial void DatabaseEnded(ILogger log);

    [LoggerMessage(LogLevel.Warning, "SECURITY: ConnectionStrings__Postgres has more rights than serving needs: whoever takes this server over could change history. "
        + "Give it a role of its own: see Settings in the README")]
    private static partial void TooManyRights(ILogger log);

    [LoggerMessage(LogLevel.Warning, "DURABILITY: {Setting}")]
    private static partial void UnsafeSetting(ILogger log, string setting);
}
