"""The browser that an app drives: Debian's, in the place of one that npm's package downloads.

The downloaded one lies in the installing user's home, which no image has, and lacks the
libraries of a desktop. Puppeteer takes the one that PUPPETEER_EXECUTABLE_PATH names.
"""

from dataclasses import dataclass, field

from deployzero.detection.nodejs.manifest import Package

DRIVERS = ("puppeteer", "whatsapp-web.js")
"""Packages that start a browser by Puppeteer; of puppeteer-core the app names it itself."""
PACKAGES = ("chromium", "fonts-liberation")


@dataclass(frozen=True)
class Browser:
    packages: tuple[str, ...] = ()
    """Debian's, for the running app."""
    environment: dict[str, str] = field(default_factory=dict)


def browser(package: Package, reasons: list[str]) -> Browser:
    """None of it for development dependencies: tests alone ask for those."""
    driver = next((d for d in DRIVERS if d in package.dependencies - package.development), None)
    if driver is None:
        return Browser()
    reasons.append(f"{driver} needs {', '.join(PACKAGES)} of Debian: installed too")
    return Browser(
        PACKAGES,
        {
            "PUPPETEER_SKIP_DOWNLOAD": "true",
            "PUPPETEER_SKIP_CHROMIUM_DOWNLOAD": "true",  # Puppeteer before 13
            "PUPPETEER_EXECUTABLE_PATH": "/usr/bin/chromium",
        },
    )
