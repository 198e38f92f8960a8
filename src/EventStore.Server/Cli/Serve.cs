using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EventStore.Server.Hosting;
using EventStore.Server.Postgres;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace EventStore.Server.Cli;

/// <summary><c>serve</c>: checks the settings, opens the database, and runs the web application until it is told to stop.</summary>
internal static partial class Serve
{
    // Settings are read once. Watching their files would take an inotify instance, of which an account has few, and without one
    // .NET does not start.
    private const string NoReload = "--hostBuilder:reloadConfigOnChange=false";

    /// <summary>Serves.</summary>
    /// <param name="run">The settings and the log.</param>
    /// <param name="isCheck">Whether only the settings are to be checked.</param>
    public static async Task<int> Run(VerbRun run, bool isCheck)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { Args = [.. run.Arguments, NoReload], ContentRootPath = AppContext.BaseDirectory });
        SetUpLog(builder.Logging);
        Settings settings = Settings.Read(builder.Configuration);
        using ILoggerFactory logging = LoggerFactory.Create(
            log => log.AddConfiguration(builder.Configuration.GetSection("Logging")).AddConsoleLog());
        ServerLimits limits = ServerLimits.Read(builder.Configuration);
        CheckAll(settings, builder, logging);
        if (isCheck)
            return await Checked(settings, run.Stop);

        CancellationToken stop = run.Stop;
        await using Database? database = await Open(settings, run.Log, stop);
        if (database is null)
            return 0;
        Task Preparing() => Prepare(database, settings.RequiresSynchronous, run.Log);
        bool isPrepared = await DatabaseWait.Try(Preparing, run.Log);
        PrivateFolder.Ensure(settings, database);
        CredentialSources credentials = CredentialSources.Read(settings, builder.Configuration, logging);
        using X509Certificate2? certificate = settings.MakesCertificate ? Certificate(settings) : null;
        SetAddresses(builder.WebHost, settings);
        string? pageKeys = settings.HasFolder ? PrivateFolder.Within(settings.DataFolder, "page-keys") : null;
        var served = new Served(settings, database, credentials, limits, certificate, pageKeys);
        await using WebApplication app = Web.Build(builder, served);
        try
        {
            await Start(app, settings);
            run.LeaveSignals(); // from here on the host handles them
            if (stop.IsCancellationRequested)
                app.Lifetime.StopApplication();
            else
                Welcome(app, settings, credentials, certificate);
            return await RunToEnd(app, database, Preparing, isPrepared, run.Log);
        }
        catch
        {
            // Else what runs in the background would lose its database while it works, and log that with a stack trace.
            await app.StopAsync(CancellationToken.None);
            throw;
        }
    }

    private static void SetUpLog(ILoggingBuilder log) => log.ClearProviders().AddConsoleLog().AddFilter("Marten", LogLevel.Warning)
        .AddFilter("Microsoft", LogLevel.Warning).AddFilter("EventStore.Server.Access", LogLevel.Warning)
        // The keys lie where the admin's token lies, or nowhere.
        .AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error)
        // What keeps the host from starting is said once, in words, by whoever started it.
        .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical)
        // Degraded is said by what is, when it becomes so; this would say it again to every probe.
        .AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.Error)
        .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None); // else a span is made for each request that nobody traces

    /// <summary>Checks what can be checked before a database is opened.</summary>
    /// <exception cref="OperatorException">Something is wrong.</exception>
    private static void CheckAll(Settings settings, WebApplicationBuilder builder, ILoggerFactory logging)
    {
        CheckTlsNames(settings);
        ServedTls.Check(builder.Configuration, builder.Environment.ContentRootPath);
        ServedTls.CheckHttps(builder.Configuration, settings.Listened);
        CredentialSources.Check(settings, builder.Configuration, logging);
        Addresses.Probe(settings.Listened);
    }

    private static void CheckTlsNames(Settings settings)
    {
        if (settings is { TlsNames.Count: > 0, MakesCertificate: false })
        {
            throw new OperatorException(
                "--tls-san counts for nothing: the server makes no certificate of its own here",
                "It makes one where it has a folder (--data) and no address is https; another certificate has its own names.");
        }
    }

    /// <summary>
    /// Waits until the server was told to stop, or its private database ended by itself. Throws what makes the database unusable, where
    /// that is found only after the start.
    /// </summary>
    /// <param name="app">The application, which serves.</param>
    /// <param name="database">Its database.</param>
    /// <param name="preparing">What the database needs before it can be used.</param>
    /// <param name="isPrepared">Whether it has that; if not, that is tried until the database is there.</param>
    /// <param name="log">The log.</param>
    /// <returns>The exit code: 0 when it was told to, 1 when the database ended.</returns>
    private static async Task<int> RunToEnd(WebApplication app, Database database, Func<Task> preparing, bool isPrepared, ILogger log)
    {
        Task stopped = app.WaitForShutdownAsync(CancellationToken.None);
        CancellationToken stopping = app.Lifetime.ApplicationStopping;
        Task unusable = isPrepared ? Task.Delay(Timeout.Infinite) : DatabaseWait.Later(preparing, log, stopping);
        Task first = await Task.WhenAny(stopped, database.Ended, unusable);
        if (first == stopped || stopping.IsCancellationRequested)
            return 0;
        if (first == database.Ended)
            DatabaseEnded(log);
        await app.StopAsync(CancellationToken.None);
        await first; // throws what makes the database unusable
        return 1;
    }

    private static async Task<int> Checked(Settings settings, CancellationToken stop)
    {
        string database = settings.NamesDatabase
            ? "the database was not asked"
            : $"a private {await PrivatePostgres.Planned(settings.DataFolder, settings.PostgresImage, stop)} would run on "
                + settings.DataFolder;
        VerbRun.Say($"The settings are right; nothing was started, and {database}.");
        return 0;
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

    /// <summary>Migrates the private database. One that was named must be migrated already; what makes it unsafe is logged.</summary>
    private static async Task Prepare(Database database, bool requiresSynchronous, ILogger log)
    {
        string serving = await database.FindPrimary();
        if (requiresSynchronous && (database.IsPrivate || !await ServingRole.WaitsForStandby(serving)))
        {
            throw new OperatorException(
                "the database's primary waits for no standby, which --require-synchronous refuses",
                "Set synchronous_standby_names on it, as in 'ANY 1 (*)', or leave the option out: then answered writes can be lost.");
        }

        if (database.IsPrivate)
        {
            await Migrate.Apply(database, log, new MigrationLimits());
            return;
        }

        if (await TransactionPooling.IsBetween(serving) || await database.HasPooledReplicas())
        {
            throw new OperatorException(
                "a pooler that does not pool whole sessions is between this server and the database",
                "Prepared statements, locks and LISTEN are of a session: PgBouncer must pool sessions (pool_mode = session).");
        }

        await Migrations.RequireUtf8(serving);
        IReadOnlyList<string> pending = await Migrations.Pending(serving);
        if (pending.Count > 0)
        {
            throw new OperatorException(
                $"the database lacks {pending.Count} migrations, the first is {pending[0]}",
                $"Run '{Settings.ProgramName} migrate' with ConnectionStrings__PostgresOwner set to the database's owner.");
        }

        if (await ServingRole.HasOwnersRights(serving))
            TooManyRights(log);
        foreach (string sentence in await ServingRole.UnsafeSettings(serving))
            UnsafeSetting(log, sentence);
    }

    private static X509Certificate2 Certificate(Settings settings)
    {
        IEnumerable<string> hosts = settings.Urls.Select(Addresses.Host).OfType<string>();
        string[] always = ["localhost", "127.0.0.1", "::1", Environment.MachineName.ToLowerInvariant()];
        return OwnCertificate.LoadOrMake(settings.DataFolder, [.. always.Concat(hosts).Concat(settings.TlsNames).Distinct()]);
    }

    /// <summary>One place says where to serve. Of several Kestrel would choose by itself and log a warning.</summary>
    private static void SetAddresses(ConfigureWebHostBuilder host, Settings settings) => host
        .UseSetting(WebHostDefaults.ServerUrlsKey, string.Join(';', settings.Urls))
        .UseSetting(WebHostDefaults.HttpPortsKey, string.Empty)
        .UseSetting(WebHostDefaults.HttpsPortsKey, string.Empty);

    private static async Task Start(WebApplication app, Settings settings)
    {
        try
        {
            await app.StartAsync();
        }
        catch (Exception e) when (e.GetBaseException() is SocketException why)
        {
            Addresses.Probe(settings.Listened); // of several addresses it names the one that is taken
            throw Addresses.Refusal(string.Join(", ", settings.Listened), why);
        }
        catch (Exception e) when (e is IOException or FormatException or CryptographicException || IsFromKestrel(e))
        {
            throw new OperatorException($"cannot listen: {e.Message.ReplaceLineEndings(" ")}", Addresses.Hint);
        }

        static bool IsFromKestrel(Exception e) => e is InvalidOperationException && e.Source == "Microsoft.AspNetCore.Server.Kestrel.Core";
    }

    /// <summary>Three lines to paste, for somebody who has never seen the server; and the kubeconfig that one of them names.</summary>
    private static void Welcome(
        WebApplication app, Settings settings, CredentialSources credentials, X509Certificate2? certificate)
    {
        ICollection<string> addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        // With the server's own certificate the same address also serves plain HTTP, which curl can use without a CA option.
        string url = Addresses.Local(certificate is not null
            ? addresses.First().Replace("https://", "http://", StringComparison.Ordinal)
            : addresses.FirstOrDefault(address => address.StartsWith("https://", StringComparison.Ordinal)) ?? addresses.First());
        VerbRun.Say($"Serving on   {url}");
        bool isTls = certificate is not null || url.StartsWith("https://", StringComparison.Ordinal);
        if (credentials.AdminToken is not { } token || !isTls || !settings.HasFolder)
            return;
        string kubeconfig = Path.Combine(settings.DataFolder, "kubeconfig");
        ServedTls tls = certificate is not null
            ? ServedTls.Own(certificate)
            : ServedTls.Configured(app.Configuration, app.Environment.ContentRootPath, new Uri(url));
        Kubeconfig.Write(kubeconfig, url.Replace("http://", "https://", StringComparison.Ordinal), tls, token);
        VerbRun.Say($"kubectl      kubectl --kubeconfig {kubeconfig} get pytorchjobs --all-namespaces");
        if (certificate is null)
            return; // curl would need a CA option
        string tokens = settings.TokenAuthFile ?? Path.Combine(settings.DataFolder, "tokens.csv");
        string bearer = $"\"Authorization: Bearer $(grep -m1 system:masters {tokens} | cut -d, -f1)\"";
        VerbRun.Say($"curl         curl -H {bearer} {url}/apis/kubeflow.org/v1/pytorchjobs");
    }

    [LoggerMessage(17, LogLevel.Critical, "The private PostgreSQL ended by itself; stopping")]
    private static partial void DatabaseEnded(ILogger log);

    [LoggerMessage(18, LogLevel.Warning, "SECURITY: ConnectionStrings__Postgres has more rights than serving needs: whoever takes this "
        + "server over could change history. Give it a role of its own: see Production in src/docs/operate.md")]
    private static partial void TooManyRights(ILogger log);

    [LoggerMessage(19, LogLevel.Warning, "DURABILITY: {Setting}")]
    private static partial void UnsafeSetting(ILogger log, string setting);
}
