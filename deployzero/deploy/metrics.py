"""What is counted since the server started, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from deployzero.models.deployment import Deployment, State

STAGE_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)
REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """In a registry of their own: two servers in one process do not add up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._deployments = Counter(
            "deployzero_deployments",
            "Deployments that have ended since the server started.",
            ("kind", "result"),
            registry=self.registry,
        )
        self._stages = Histogram(
            "deployzero_deployment_stage_seconds",
            "How long each stage took, of deployments that went live.",
            ("stage",),
            buckets=STAGE_BUCKETS,
            registry=self.registry,
        )
        self._requests = Histogram(
            "deployzero_http_request_seconds",
            "Until the answer to a request to the API or a page began.",
            ("method", "route", "status"),
            buckets=REQUEST_BUCKETS,
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)

    def ended(self, deployment: Deployment) -> None:
        """It is live, or ended otherwise."""
        self._deployments.labels(deployment.kind.value, deployment.state.value).inc()
        if deployment.state is State.LIVE:
            for stage, seconds in deployment.timings.items():
                self._stages.labels(stage).observe(seconds)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """route: its template, so that there are not more than there are routes."""
        self._requests.labels(method, route, str(status)).observe(seconds)
