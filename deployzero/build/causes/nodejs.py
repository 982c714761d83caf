"""npm, pnpm, Yarn and Bun, and Node.js as it builds."""

from deployzero.models.cause import Cause

NPM = r"^npm (?:error|ERR!) "
PACKAGE = r"(?P<package>@?[\w./-]+)"

_OUT_OF_SYNC = "package.json and {lock} do not match"
_RUN = "Run `{run}`, commit {lock} and push again."
_PRIVATE = (
    "Check its name in package.json. A private one needs a token: let .npmrc name it, "
    "//registry.npmjs.org/:_authToken=${{NPM_TOKEN}}, and give it to builds: "
    "config:set {app} NPM_TOKEN=<token> --build"
)


def _lock(pattern: str, lock: str, run: str, message: str = _OUT_OF_SYNC) -> Cause:
    return Cause(
        pattern,
        message.replace("{lock}", lock),
        _RUN.replace("{lock}", lock).replace("{run}", run),
    )


LOCKS = (
    _lock(
        NPM + r"`npm ci` can only install packages when your package\.json and",
        "package-lock.json",
        "npm install",
    ),
    _lock(
        NPM + r"The `npm ci` command can only install with an existing package-lock\.json",
        "package-lock.json",
        "npm install",
        "there is no package-lock.json",
    ),
    _lock(r"ERR_PNPM_OUTDATED_LOCKFILE\b", "pnpm-lock.yaml", "pnpm install"),
    _lock(
        r"ERR_PNPM_NO_LOCKFILE\b", "pnpm-lock.yaml", "pnpm install", "there is no pnpm-lock.yaml"
    ),
    Cause(
        r"ERR_PNPM_LOCKFILE_CONFIG_MISMATCH\b",
        "pnpm-lock.yaml was made with other settings of pnpm",
        "Run `pnpm install` with the pnpm that package.json names, commit pnpm-lock.yaml and push "
        "again.",
    ),
    _lock(
        r"^error Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`",
        "yarn.lock",
        "yarn install",
    ),
    _lock(
        r"YN0028: .*The lockfile would have been (?:modified|created) by this install",
        "yarn.lock",
        "yarn install",
    ),
    _lock(r"^error: lockfile had changes, but lockfile is frozen", "bun.lock", "bun install"),
)
PACKAGES = (
    Cause(
        NPM + r"404  '" + r"(?P<package>@[\w.-]+/[\w.-]+)@[^'\n]*' is not in this registry",
        "{package} is not in the registry, or is private",
        _PRIVATE,
    ),
    Cause(
        NPM + r"404  '" + PACKAGE + r"@[^'\n]*' is not in this registry",
        "{package} is not in the registry",
        "Check its name in package.json, run `npm install` and push again.",
    ),
    Cause(
        r"^" + PACKAGE + r" is not in the npm registry, or you have no permission to fetch it",
        "{package} is not in the registry, or is private",
        _PRIVATE,
    ),
    Cause(
        r"^error Couldn't find package \"" + PACKAGE + r"\"(?: required by .{1,200})? on the",
        "{package} is not in the registry, or is private",
        "Check its name in package.json, run `yarn install` and push again.",
    ),
    Cause(
        r"YN0035: (?:│ )?" + PACKAGE + r"@npm:\S*: Package not found",
        "{package} is not in the registry",
        "Check its name in package.json, run `yarn install` and push again.",
    ),
    Cause(
        r"^error: GET \S+ - 404\nerror: " + PACKAGE + r"@\S+ failed to resolve",
        "{package} is not in the registry",
        "Check its name in package.json, run `bun install` and push again.",
    ),
    Cause(
        r"^error: No version matching \"(?P<wanted>[^\"\n]+)\" found for specifier \""
        + PACKAGE
        + r"\"",
        "there is no version {package}@{wanted}",
        "Ask in package.json for one that there is, run `bun install` and push again.",
    ),
    Cause(
        NPM + r"notarget No matching version found for (?P<wanted>(?:npm|pnpm|yarn|bun|"
        r"@yarnpkg/cli-dist)@\S+?)\.?$",
        "there is no version {wanted}",
        'Ask for one that was released, where it is named: "packageManager" or "engines" in '
        "package.json, .tool-versions or mise.toml. Commit and push again.",
    ),
    Cause(
        NPM + r"notarget No matching version found for (?P<wanted>\S+?)\.?$",
        "there is no version {wanted}",
        "Ask in package.json for one that there is, run `npm install` and push again.",
    ),
    Cause(
        r"ERR_PNPM_NO_MATCHING_VERSION\b.*No matching version found for (?P<wanted>\S+)",
        "there is no version {wanted}",
        "Ask in package.json for one that there is, run `pnpm install` and push again.",
    ),
    Cause(
        r"^error Couldn't find any versions for \""
        + PACKAGE
        + r"\" that matches \"(?P<wanted>[^\"\n]+)\"",
        "there is no version {package}@{wanted}",
        "Ask in package.json for one that there is, run `yarn install` and push again.",
    ),
    Cause(
        r"YN0082: (?:│ )?" + PACKAGE + r"@npm:(?P<wanted>\S+): No candidates found",
        "there is no version {package}@{wanted}",
        "Ask in package.json for one that there is, run `yarn install` and push again.",
    ),
    Cause(
        NPM
        + r"code ERESOLVE$(?:.*\n)*?npm (?:error|ERR!) (?:peer |peerOptional )(?P<peer>\S+) from "
        r"(?P<package>\S+)$",
        "the packages do not fit together: {package} wants {peer}",
        "Ask in package.json for versions that do, run `npm install` and push again. To take them "
        "as they are, commit .npmrc with the line legacy-peer-deps=true",
    ),
    Cause(
        NPM
        + r"notsup Unsupported platform for (?P<package>\S+): wanted \{\"os\":\"(?P<os>[\w,]+)\"",
        "{package} is for {os}, and this is Linux",
        "Take it out of package.json (or into optionalDependencies), run `npm install` and push "
        "again.",
    ),
)
VERSIONS = (
    Cause(
        NPM + r"notsup Required: *\{.*\"node\":\"(?P<wanted>[^\"\n]+)\".*\}$(?:.*\n)*?"
        r"npm (?:error|ERR!) notsup Actual: .*\"node\":\"v?(?P<have>[\d.]+)\"",
        "this is Node.js {have}, and a package wants {wanted}",
        'Name the version in package.json: "engines": {{"node": "{wanted}"}}, and push again; or '
        "take engine-strict out of .npmrc.",
    ),
    Cause(
        r"ERR_PNPM_UNSUPPORTED_ENGINE\b(?:.*\n)*?Expected version: (?P<wanted>.+)\n"
        r"Got: v?(?P<have>\S+)",
        "this is version {have}, and {wanted} is wanted (pnpm or Node.js, see above)",
        'Name the versions in package.json: "engines" for Node.js, "packageManager" for pnpm.',
    ),
    Cause(
        r"^error (?P<package>\S+): The engine \"node\" is incompatible with this module\. Expected "
        r"version \"(?P<wanted>[^\"\n]+)\"\. Got \"(?P<have>[\d.]+)\"",
        "this is Node.js {have}, and {package} wants {wanted}",
        'Name the version in package.json: "engines": {{"node": "{wanted}"}}, and push again.',
    ),
)
BUILDING = (
    Cause(
        r"error TS(?:2307|7016): (?:Cannot find|Could not find a declaration file for) module "
        r"'(?P<package>@[\w.-]+/[\w.-]+|[A-Za-z][\w.-]*)(?:/[^'\n]*)?'",
        "TypeScript does not find {package}",
        "A package: npm install {package} (--save-dev @types/{package}, where it has no types of "
        "its own), and commit package.json and the lock file. A folder of yours: check `paths` in "
        "tsconfig.json, and upper and lower case. Then push again.",
    ),
    Cause(
        r"JavaScript heap out of memory",
        "Node.js ran out of heap",
        "In package.json, let the build script begin with "
        "NODE_OPTIONS=--max-old-space-size=4096. All builds together have "
        "DEPLOYZERO_BUILD_MEMORY on the server: raise that too where it is less.",
    ),
    Cause(
        r"ERR_OSSL_EVP_UNSUPPORTED|error:0308010C:digital envelope routines::unsupported",
        "the bundler is too old for this Node.js (it wants OpenSSL's old hashes)",
        "Upgrade it (webpack 5, react-scripts 5), or let the build script in package.json begin "
        "with NODE_OPTIONS=--openssl-legacy-provider.",
    ),
    Cause(
        NPM + r"Missing script: \"(?P<script>[\w:.-]+)\"",
        "package.json has no script '{script}'",
        'Add it to "scripts" in package.json, or say in deployzero.toml what to run: '
        'build_command = "npm run …"',
    ),
    Cause(
        r"ERR_PNPM_NO_SCRIPT\b.*Missing script: (?P<script>[\w:.-]+)",
        "package.json has no script '{script}'",
        'Add it to "scripts" in package.json, or say in deployzero.toml what to run: '
        'build_command = "pnpm …"',
    ),
)
NODEJS = (*LOCKS, *PACKAGES, *VERSIONS, *BUILDING)
