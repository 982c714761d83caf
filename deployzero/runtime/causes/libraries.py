"""Shared libraries that the image lacks: Debian's name for them."""

from deployzero.models.cause import Cause

SHARED = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLESv2.so.2": "libgles2",
    "libMagickWand-7.Q16.so.10": "libmagickwand-7.q16-10",
    "libSM.so.6": "libsm6",
    "libX11.so.6": "libx11-6",
    "libXcomposite.so.1": "libxcomposite1",
    "libXdamage.so.1": "libxdamage1",
    "libXext.so.6": "libxext6",
    "libXfixes.so.3": "libxfixes3",
    "libXrandr.so.2": "libxrandr2",
    "libXrender.so.1": "libxrender1",
    "libXtst.so.6": "libxtst6",
    "libasound.so.2": "libasound2",
    "libatk-1.0.so.0": "libatk1.0-0",
    "libatk-bridge-2.0.so.0": "libatk-bridge2.0-0",
    "libatomic.so.1": "libatomic1",
    "libcairo.so.2": "libcairo2",
    "libcups.so.2": "libcups2",
    "libcurl.so.4": "libcurl4",
    "libdbus-1.so.3": "libdbus-1-3",
    "libdrm.so.2": "libdrm2",
    "libexpat.so.1": "libexpat1",
    "libffi.so.8": "libffi8",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libgbm.so.1": "libgbm1",
    "libgdk_pixbuf-2.0.so.0": "libgdk-pixbuf-2.0-0",
    "libgeos_c.so.1": "libgeos-c1t64",
    "libgfortran.so.5": "libgfortran5",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgmp.so.10": "libgmp10",
    "libgobject-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libgtk-3.so.0": "libgtk-3-0",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
    "libharfbuzz.so.0": "libharfbuzz0b",
    "libjpeg.so.62": "libjpeg62-turbo",
    "libmagic.so.1": "libmagic1",
    "libmariadb.so.3": "libmariadb3",
    "libnspr4.so": "libnspr4",
    "libnss3.so": "libnss3",
    "libodbc.so.2": "libodbc2",
    "libopenblas.so.0": "libopenblas0",
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangocairo-1.0.so.0": "libpangocairo-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libpng16.so.16": "libpng16-16",
    "libportaudio.so.2": "libportaudio2",
    "libpq.so.5": "libpq5",
    "librdkafka.so.1": "librdkafka1",
    "libsndfile.so": "libsndfile1",
    "libsndfile.so.1": "libsndfile1",
    "libsqlite3.so.0": "libsqlite3-0",
    "libtk8.6.so": "libtk8.6",
    "libusb-1.0.so.0": "libusb-1.0-0",
    "libvips.so.42": "libvips42",
    "libwebp.so.7": "libwebp7",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxml2.so.2": "libxml2",
    "libxmlsec1-openssl.so.1": "libxmlsec1-openssl",
    "libxmlsec1.so.1": "libxmlsec1",
    "libxslt.so.1": "libxslt1.1",
    "libyaml-0.so.2": "libyaml-0-2",
    "libzbar.so.0": "libzbar0",
    "libzmq.so.5": "libzmq5",
}
"""What needs another version of a library than Debian has (libssl.so.1.1) has no package here."""
DLOPENED = {
    "cairo-2": "libcairo2",
    "gobject-2.0-0": "libpango-1.0-0",
    "libgobject-2.0-0": "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
    "libmagic": "libmagic1",
    "libpango-1.0-0": "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
    "libpangoft2-1.0-0": "libpangoft2-1.0-0",
}
"""As Python packages name what they look for with ctypes or cffi."""

_OPTIONAL = (
    r"(?:dlerror: |[Ww]arning|WARN|Could not load dynamic library).*cannot open shared object file"
)
"""What goes on without it says so in this way, such as TensorFlow without a GPU's libraries."""
LIBRARIES = (
    Cause(
        r"/cv2/__init__\.py\"(?:.*\n)*?ImportError: (?P<name>lib[\w.+-]+\.so(?:\.\d+)*): cannot "
        r"open shared object file",
        "OpenCV for desktops needs {name}, which the image lacks",
        "A server needs no windows: write opencv-python-headless in the place of opencv-python in "
        "your requirements, and push again.",
    ),
    Cause(
        r"(?P<name>lib[\w.+-]+\.so(?:\.\d+)*): cannot open shared object file: "
        r"No such file or directory",
        "the library {name} is missing",
        "{packages}",
        names=SHARED,
        lacks=_OPTIONAL,
    ),
    Cause(
        r"(?P<name>lib[\w.+-]+\.so(?:\.\d+)*): cannot open shared object file: "
        r"No such file or directory",
        "the library {name} is missing",
        "Look up which Debian package brings it (packages.debian.org searches contents). "
        'In deployzero.toml: packages = ["<package>"]',
        lacks=_OPTIONAL,
    ),
    Cause(
        r"failed to find libmagic\.\s+Check your installation",
        "the library libmagic is missing",
        "{packages}",
        known="libmagic1",
    ),
    Cause(
        r"ImportError: Unable to find zbar shared library",
        "the library libzbar is missing",
        "{packages}",
        known="libzbar0",
    ),
    Cause(
        r"OSError: cannot load library '(?P<name>[\w.-]+)'",
        "the library {name} is missing",
        "{packages}",
        names=DLOPENED,
    ),
    Cause(
        r"OSError: no library called \"(?P<name>[\w.-]+)\" was found",
        "the library {name} is missing",
        "{packages}",
        names=DLOPENED,
    ),
    Cause(
        r"(?P<file>[\w./@+-]+\.(?:so|node)[\w.]*): (?:invalid ELF header|wrong ELF class)",
        "{file} was built on another platform and committed",
        "Take what is built out of git (`git rm -r --cached node_modules`, or the virtual "
        "environment's folder), name it in .gitignore, commit and push again.",
    ),
)
