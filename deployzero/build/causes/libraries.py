"""What a compiler, or a package that is compiled, misses of the system: Debian's name for it."""

from deployzero.models.cause import Cause

HEADERS = {
    "Python.h": "python3-dev",
    "X11/Xlib.h": "libx11-dev",
    "alsa/asoundlib.h": "libasound2-dev",
    "bzlib.h": "libbz2-dev",
    "cairo.h": "libcairo2-dev",
    "curl/curl.h": "libcurl4-openssl-dev",
    "event.h": "libevent-dev",
    "ev.h": "libev-dev",
    "ffi.h": "libffi-dev",
    "freetype/freetype.h": "libfreetype-dev",
    "ft2build.h": "libfreetype-dev",
    "gdal.h": "libgdal-dev",
    "geos_c.h": "libgeos-dev",
    "gmp.h": "libgmp-dev",
    "graphviz/cgraph.h": "libgraphviz-dev",
    "gssapi/gssapi.h": "libkrb5-dev",
    "hdf5.h": "libhdf5-dev",
    "jpeglib.h": "libjpeg-dev",
    "krb5.h": "libkrb5-dev",
    "lber.h": "libldap-dev libsasl2-dev",
    "ldap.h": "libldap-dev libsasl2-dev",
    "libmemcached/memcached.h": "libmemcached-dev",
    "libpq-fe.h": "libpq-dev",
    "librdkafka/rdkafka.h": "librdkafka-dev",
    "libxml/parser.h": "libxml2-dev libxslt1-dev",
    "libxml/tree.h": "libxml2-dev libxslt1-dev",
    "libxml/xmlversion.h": "libxml2-dev libxslt1-dev",
    "libxml/xpath.h": "libxml2-dev libxslt1-dev",
    "libxslt/xslt.h": "libxslt1-dev",
    "lzma.h": "liblzma-dev",
    "magic.h": "libmagic-dev",
    "mpfr.h": "libmpfr-dev",
    "mysql.h": "libmariadb-dev",
    "netcdf.h": "libnetcdf-dev",
    "openssl/ssl.h": "libssl-dev",
    "openssl/opensslv.h": "libssl-dev",
    "pcap.h": "libpcap-dev",
    "pcap/pcap.h": "libpcap-dev",
    "png.h": "libpng-dev",
    "portaudio.h": "portaudio19-dev",
    "proj.h": "libproj-dev",
    "readline/readline.h": "libreadline-dev",
    "sasl/sasl.h": "libsasl2-dev",
    "snappy-c.h": "libsnappy-dev",
    "sndfile.h": "libsndfile1-dev",
    "sql.h": "unixodbc-dev",
    "sqlite3.h": "libsqlite3-dev",
    "systemd/sd-daemon.h": "libsystemd-dev",
    "systemd/sd-journal.h": "libsystemd-dev",
    "tiffio.h": "libtiff-dev",
    "uuid/uuid.h": "uuid-dev",
    "vips/vips.h": "libvips-dev",
    "webp/decode.h": "libwebp-dev",
    "webp/encode.h": "libwebp-dev",
    "yaml.h": "libyaml-dev",
    "zlib.h": "zlib1g-dev",
    "zmq.h": "libzmq3-dev",
}
PKG_CONFIG = {
    "alsa": "libasound2-dev",
    "cairo": "libcairo2-dev",
    "dbus-1": "libdbus-1-dev libglib2.0-dev",
    "freetype2": "libfreetype-dev",
    "gdk-pixbuf-2.0": "libgdk-pixbuf-2.0-dev",
    "girepository-2.0": "libgirepository-2.0-dev",
    "glib-2.0": "libglib2.0-dev",
    "gobject-introspection-1.0": "libgirepository1.0-dev",
    "libavcodec": "libavcodec-dev libavdevice-dev libavfilter-dev libavformat-dev",
    "libavformat": "libavcodec-dev libavdevice-dev libavfilter-dev libavformat-dev",
    "libcurl": "libcurl4-openssl-dev",
    "libffi": "libffi-dev",
    "libpq": "libpq-dev",
    "librsvg-2.0": "librsvg2-dev",
    "libsecret-1": "libsecret-1-dev",
    "libsystemd": "libsystemd-dev",
    "libusb-1.0": "libusb-1.0-0-dev",
    "libxml-2.0": "libxml2-dev",
    "libxslt": "libxslt1-dev",
    "mysqlclient": "libmariadb-dev",
    "opencv4": "libopencv-dev",
    "openssl": "libssl-dev",
    "pangocairo": "libpango1.0-dev",
    "pixman-1": "libpixman-1-dev libcairo2-dev libpango1.0-dev libjpeg-dev libgif-dev librsvg2-dev",
    "poppler-cpp": "libpoppler-cpp-dev",
    "sqlite3": "libsqlite3-dev",
    "vips": "libvips-dev",
    "vips-cpp": "libvips-dev",
    "xmlsec1": "libxmlsec1-dev",
    "zlib": "zlib1g-dev",
}
"""By the name of the .pc file. pixman-1 is the first that node-canvas looks for, of five."""
LINKED = {
    "cairo": "libcairo2-dev",
    "crypto": "libssl-dev",
    "curl": "libcurl4-openssl-dev",
    "ffi": "libffi-dev",
    "jpeg": "libjpeg-dev",
    "lber": "libldap-dev",
    "ldap": "libldap-dev",
    "mariadb": "libmariadb-dev",
    "mysqlclient": "libmariadb-dev",
    "odbc": "unixodbc-dev",
    "pcap": "libpcap-dev",
    "portaudio": "portaudio19-dev",
    "pq": "libpq-dev",
    "sqlite3": "libsqlite3-dev",
    "ssl": "libssl-dev",
    "vips": "libvips-dev",
    "xml2": "libxml2-dev",
    "xslt": "libxslt1-dev",
    "z": "zlib1g-dev",
}
"""What `-l<name>` is."""
PROGRAMS = {
    "cmake": "cmake",
    "curl-config": "libcurl4-openssl-dev",
    "g++": "build-essential",
    "gcc": "build-essential",
    "cc": "build-essential",
    "gdal-config": "libgdal-dev gdal-bin",
    "geos-config": "libgeos-dev",
    "gfortran": "gfortran",
    "krb5-config": "libkrb5-dev",
    "make": "build-essential",
    "mysql_config": "libmariadb-dev",
    "ninja": "ninja-build",
    "pg_config": "libpq-dev",
    "pkg-config": "pkg-config",
    "swig": "swig",
    "x86_64-linux-gnu-gcc": "build-essential",
    "aarch64-linux-gnu-gcc": "build-essential",
}
"""That a package's build calls."""
PILLOW = {"jpeg": "libjpeg-dev", "zlib": "zlib1g-dev"}


def _named(pattern: str, message: str, names: dict[str, str]) -> Cause:
    return Cause(pattern, message, "{packages}", names=names)


_PROGRAM = r"(?P<name>[\w+-]+)"
_OUTPUT = tuple(
    _named(pattern, "the program {name} is missing", PROGRAMS)
    for pattern in (
        r"Error: " + _PROGRAM + r" executable not found",  # psycopg2
        r"\[Errno 2\] No such file or directory: '" + _PROGRAM + r"'",
        r"error: command '" + _PROGRAM + r"' failed: No such file or directory",
        r"^(?:npm (?:error|ERR!) )?make: " + _PROGRAM + r": No such file or directory",
        r"gyp ERR! stack Error: not found: " + _PROGRAM + r"$",
        r"^(?:\S+ )*(?:/bin/)?(?:ba)?sh: (?:(?:line )?\d+: )?"
        + _PROGRAM
        + r": (?:command )?not found$",
    )
)
LIBRARIES = (
    Cause(
        r"^E: (?:Unable to locate package (?P<one>\S+)"
        r"|Package '(?P<other>[^'\n]+)' has no installation candidate)",
        "Debian has no package {one}{other}",
        "Look it up at packages.debian.org (versions are part of some names), and mend it in "
        "deployzero.toml, `packages`, or in the Dockerfile.",
    ),
    Cause(
        r"Exception: Can not find valid pkg-config name\.\n\s*Specify MYSQLCLIENT_CFLAGS",
        "MariaDB's (MySQL's) client library is missing",
        "{packages}",
        known="libmariadb-dev",
    ),
    Cause(
        r"Error: Please make sure the libxml2 and libxslt development packages are installed",
        "libxml2 and libxslt are missing",
        "{packages}",
        known="libxml2-dev libxslt1-dev",
    ),
    _named(
        r"The headers or library files could not be found for (?P<name>\w+),\s*\n\s*"
        r"a required dependency when compiling Pillow from source",
        "Pillow's library {name} is missing",
        PILLOW,
    ),
    _named(  # before what asks pkg-config, which may be a mere question
        r"fatal error: '?(?P<name>[\w./+-]+\.h)'?(?:: No such file or directory| file not found)",
        "the header {name} is missing",
        HEADERS,
    ),
    _named(
        r"Package '?(?P<name>[\w.+-]+)'? was not found in the pkg-config search path",
        "the library {name} is missing",
        PKG_CONFIG,
    ),
    _named(
        r"ERROR: Dependency [\"'](?P<name>[\w.+-]+)[\"'] not found",  # meson
        "the library {name} is missing",
        PKG_CONFIG,
    ),
    _named(
        r"(?:cannot find|unable to find library) -l(?P<name>[\w+-]+)",
        "the library {name} is missing",
        LINKED,
    ),
    Cause(
        r"error: xmlsec1 is not installed or not in path",
        "the library xmlsec1 is missing",
        "{packages}",
        known="libxmlsec1-dev",
    ),
    Cause(
        r"^\s*Rust not found, installing into a temporary directory"
        r"|error: can't find Rust compiler",
        "a package is compiled from Rust, and there is no Rust compiler",
        "Ask for a version that has a wheel for this Python (a newer one, mostly). {packages}",
        known="cargo rustc",
    ),
    Cause(
        r"gyp ERR! find Python Python is not set",
        "a native package is compiled, and there is no Python for node-gyp",
        "{packages}",
        known="python3 make g++",
        lacks=r"find Python - (?:version is |THIS VERSION OF PYTHON IS NOT SUPPORTED)",
    ),
    *_OUTPUT,
)
