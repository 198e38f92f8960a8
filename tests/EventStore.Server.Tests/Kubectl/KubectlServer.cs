using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Kubectl;

/// <summary>
/// A server as kubectl needs it, for all classes of the collection: with a folder of its own, so that it serves HTTPS with its own
/// certificate and writes the kubeconfig the tests use. Each test has a namespace of its own.
/// </summary>
public sealed class KubectlServer : IAsyncLifetime
{
    /// <summary>The collection's name.</summary>
    public const string Collection = "kubectl";

    private readonly string folder = Directory.CreateTempSubdirectory("kubectl-server-").FullName;
    private TestDatabase database = null!;

    /// <summary>The server.</summary>
    public ServerProcess Process { get; private set; } = null!;

    /// <summary>A client that logs in as the admin.</summary>
    public HttpClient Admin => Process.Admin;

    /// <summary>The kubeconfig the server wrote.</summary>
    public string Kubeconfig => Path.Combine(folder, "kubeconfig");

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        Process = await ServerProcess.Start(database.Serving, "--data", folder); // there certificate and kubeconfig are kept
    }

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        await Process.DisposeAsync();
        await database.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}

/// <summary>One server for them all; one after another, for each starts processes enough.</summary>
[CollectionDefinition(KubectlServer.Collection)]
[System.Diagnostics.CodeAnalysis.SuppressMessage("Naming", "CA1711", Justification = "xunit's word for it")]
public sealed class KubectlCollection : ICollectionFixture<KubectlServer>;
