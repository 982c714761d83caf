"""The way to the packages: no connection, a gateway that signs anew, a registry that refuses."""

from deployzero.build.causes.nodejs import NPM
from deployzero.models.cause import Cause

HOST = r"(?P<host>[A-Za-z0-9.-]+(?::\d+)?)"

_TRUST = "the build does not trust the certificate that it is shown: its authority is unknown"
_TRUST_HINT = (
    "A gateway on the way signs with an authority of its own. Let the server's operator give it "
    "to builds: DEPLOYZERO_BUILD_CA_BUNDLE=/path/to/ca.pem"
)
_AWAY = "the build cannot reach {host}"
_AWAY_HINT = (
    "Check that name, and the server's network and DNS. Behind a proxy or with a mirror, the "
    "server's operator sets DEPLOYZERO_BUILD_ENV_{variable}=URL"
)
_NPMRC = (
    "Let .npmrc name the token, //{host}/:_authToken=${{NPM_TOKEN}}, and give it to builds: "
    "config:set {app} NPM_TOKEN=<token> --build"
)
_FORBIDDEN = "the registry {host} forbids it (403): by its rules, or for want of credentials"
_FORBIDDEN_HINT = (
    "Where a rule keeps that version back (it says so above), ask for another. Else let .npmrc "
    "name the token, //{host}/:_authToken=${{NPM_TOKEN}}, and give it to builds: "
    "config:set {app} NPM_TOKEN=<token> --build"
)
_INDEX = (
    "Give builds an address with credentials: "
    "config:set {app} PIP_EXTRA_INDEX_URL=https://<user>:<token>@{host}/simple --build"
)
_GIT = (
    "Over HTTPS with a token in the address it works: keep the token in a variable of the build "
    "(config:set {app} GIT_TOKEN=<token> --build), or publish that package to a registry."
)
_AWAY_CODES = (
    "ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENETUNREACH|EHOSTUNREACH"
    "|ERR_SOCKET_TIMEOUT"
)


def _away(variable: str) -> str:
    return _AWAY_HINT.replace("{variable}", variable)


TRUST = tuple(
    Cause(pattern, _TRUST, _TRUST_HINT)
    for pattern in (
        # Python's ssl, as pip, Poetry, Pipenv and requests tell it.
        r"\[SSL: CERTIFICATE_VERIFY_FAILED\] certificate verify failed: "
        r"(?:self[- ]signed certificate|unable to get (?:local )?issuer certificate)",
        NPM + r"code (?:SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE"
        r"|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|DEPTH_ZERO_SELF_SIGNED_CERT)$",
        # pnpm, Yarn, and what else runs on Node.js.
        r"(?i)(?:error|failed|ERR_PNPM|RequestError|YN0001).*(?:self[- ]signed certificate"
        r"(?: in certificate chain)?|unable to verify the first certificate"
        r"|unable to get (?:local )?issuer certificate)",
        r"x509: certificate signed by unknown authority",
        r"invalid peer certificate: UnknownIssuer",  # uv
        r"PKIX path building failed: ",  # Java's: Maven, Gradle
        # git and curl, with GnuTLS and with OpenSSL.
        r"server (?:certificate )?verification failed(?:\.|: certificate signer not trusted)"
        r"|SSL certificate problem: (?:self[- ]signed|unable to get)",
    )
)
REFUSED = (
    Cause(
        NPM + r"code E401$(?:.*\n)*?npm (?:error|ERR!) .*https?://" + HOST + r"/",
        "the registry {host} refuses: it wants credentials",
        _NPMRC,
    ),
    Cause(
        r"ERR_PNPM_FETCH_401\b.*https?://" + HOST + r"/",
        "the registry {host} refuses: it wants credentials",
        _NPMRC,
    ),
    Cause(
        r"(?:"
        + NPM
        + r"code E403$(?:.*\n)*?npm (?:error|ERR!)|ERR_PNPM_FETCH_403\b).*https?://"
        + HOST
        + r"/",
        _FORBIDDEN,
        _FORBIDDEN_HINT,
    ),
    Cause(
        r"^error .*https?://" + HOST + r'/.*: Request failed "40[13] ',  # Yarn 1
        "the registry {host} refuses: it wants credentials",
        _NPMRC,
    ),
    Cause(
        r"YN0041: .*Invalid authentication",  # Yarn
        "the registry refuses: it wants credentials",
        "Let .yarnrc.yml name the token, npmAuthToken: ${{NPM_TOKEN}}, and give it to builds: "
        "config:set {app} NPM_TOKEN=<token> --build",
    ),
    Cause(
        r"^User for " + HOST + r": (?:.*\n)*?EOFError: ",
        "the package index {host} refuses: it wants credentials",
        _INDEX,
    ),
    Cause(
        r"^WARNING: 40[13] Error, Credentials not correct for https?://" + HOST + r"/",
        "the package index {host} refuses the credentials that it gets",
        "Check them: `config {app}` shows which are set, "
        "config:set {app} PIP_EXTRA_INDEX_URL=https://<user>:<token>@{host}/simple --build sets "
        "others.",
    ),
    Cause(
        r"An index URL \(https?://" + HOST + r"/\S*\) could not be queried due to a lack of valid",
        "the package index {host} refuses: it wants credentials",
        "Give builds an address with credentials: "
        "config:set {app} UV_INDEX=https://<user>:<token>@{host}/simple --build",
    ),
    Cause(
        r"(?:ERROR: HTTP error 40[13]|40[13] Client Error|HTTP status client error \(40[13]).*"
        r"(?:https?://)" + HOST + r"/",
        "the package index {host} refuses: it wants credentials",
        _INDEX,
    ),
    Cause(
        r"could not read Username for 'https?://" + HOST + r"/?'",
        "git asks for credentials at {host}: a dependency is private, or does not exist",
        _GIT,
    ),
    Cause(
        r"(?:git@" + HOST + r": Permission denied \(publickey"
        r"|ssh: not found\n(?:.*\n){0,3}?.*fatal: Could not read from remote repository"
        r"|Host key verification failed\.)",
        "a dependency is fetched with git over SSH, and builds have no SSH key",
        _GIT,
    ),
)
AWAY = (
    Cause(
        NPM + r"code (?:" + _AWAY_CODES + r")$(?:.*\n)*?npm .*request to https?://" + HOST,
        _AWAY,
        _away("NPM_CONFIG_REGISTRY"),
    ),
    Cause(
        # Yarn 1 while it resolves: a build script's own requests look alike.
        r"(?:ERR_PNPM_META_FETCH_FAIL|YN0001|\[1/4\] Resolving packages(?:.*\n)*?error ).*"
        r"(?:ENOTFOUND|EAI_AGAIN) " + HOST,
        _AWAY,
        _away("NPM_CONFIG_REGISTRY"),
    ),
    Cause(
        r"^All attempts to connect to " + HOST + r" failed\.$",  # Poetry
        _AWAY,
        _away("PIP_INDEX_URL"),
    ),
    Cause(
        # The last of pip's retries, and nothing found: where there is another index, pip goes on.
        r"^\s*WARNING: Retrying \(Retry\(total=0,.*(?:NewConnectionError|NameResolutionError"
        r"|ConnectTimeoutError)(?:.*\n)*?.*ERROR: Could not find a version .*from versions: none\)",
        "the build cannot reach the package index",
        "Check the server's network and DNS. With a mirror, the server's operator sets "
        "DEPLOYZERO_BUILD_ENV_PIP_INDEX_URL=URL",
    ),
    Cause(
        r"(?:Failed to fetch|error sending request for url).*https?://" + HOST + r"/"
        r"(?:.*\n)*?.*(?:dns error|failed to lookup address|Connection refused)",  # uv
        _AWAY,
        _away("UV_DEFAULT_INDEX"),
    ),
    Cause(
        r"^go: .*dial tcp: lookup " + HOST + r"(?: on \S+)?: (?:no such host|i/o timeout"
        r"|server misbehaving)",
        _AWAY,
        "Vendor the modules (`go mod vendor`, and commit vendor/), or let the server's operator "
        "name a proxy: DEPLOYZERO_BUILD_ENV_GOPROXY=URL",
    ),
    Cause(
        r"^Could not reach host " + HOST + r"\. Check your network",  # Bundler
        _AWAY,
        "Check the server's network and DNS; or vendor the gems (`bundle cache`, and commit "
        "vendor/cache). What Debian's own packages bring (rack, sinatra, puma) needs no network.",
    ),
    Cause(
        # Not a warning's: Cargo tries again.
        r"^\s+\[6\] Could not resolve hostname \(Could not resolve host: " + HOST + r"\)",  # Cargo
        _AWAY,
        "Check the server's network and DNS; or vendor the crates (`cargo vendor`, and commit "
        "vendor/ and .cargo/config.toml).",
    ),
    Cause(
        r"curl error \d+ while downloading https?://" + HOST,  # Composer
        _AWAY,
        "Check that name, and the server's network and DNS. A mirror stands in composer.json, "
        "under `repositories`.",
        lacks=r"information was loaded from the local cache",  # it goes on with that
    ),
    Cause(
        r"^\[ERROR\].*transfer failed for https?://" + HOST + r"/\S+$",  # Maven
        "Maven cannot fetch from {host}",
        "Check that the server reaches it. A mirror, or credentials, stand in a settings file of "
        "the repository: --settings .mvn/settings.xml as a line of .mvn/maven.config",
    ),
    Cause(
        r"^Exception in thread \"main\" java\.net\.UnknownHostException: " + HOST + r"$"
        r"(?:.*\n)*?.*\bat org\.gradle\.wrapper\.",
        _AWAY + ", which brings Gradle itself",
        "Check the server's network and DNS; distributionUrl in gradle/wrapper/"
        "gradle-wrapper.properties names another place.",
    ),
    Cause(
        r"Could not resolve host: " + HOST + r"$",
        _AWAY,
        "Check that name, and the server's network and DNS.",
    ),
    Cause(
        r"(?:Temporary failure resolving|Could not resolve) '" + HOST + r"'",
        _AWAY,
        "Check the server's network and DNS; DEPLOYZERO_DEBIAN_MIRROR names another mirror.",
    ),
)  # fmt: skip
NETWORK = (*TRUST, *REFUSED, *AWAY)
