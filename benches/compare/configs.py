"""What each proxy is told: one worker, keep-alive both ways, no access log, the same upstream."""

ORIGIN = """
daemon off;
master_process off;
error_log stderr error;
pid {folder}/origin.pid;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 "hello from the origin\\n"; }}
    }}
}}
"""

NGINX = """
daemon off;
master_process off;
error_log stderr error;
pid {folder}/nginx.pid;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream origin {{
        server 127.0.0.1:{origin};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
}}
"""

HAPROXY = """
global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    option forwardfor
    http-reuse always
frontend in
    bind 127.0.0.1:{port}
    default_backend origin
backend origin
    server origin 127.0.0.1:{origin} pool-max-conn 256
"""

ENVOY = """
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          use_remote_address: true
          {tracing}
          route_config:
            virtual_hosts:
            - name: origin
              domains: ["*"]
              routes:
              - match: {{ prefix: "/" }}
                route: {{ cluster: origin, timeout: 60s }}
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: origin
    type: STATIC
    connect_timeout: 5s
    circuit_breakers:
      thresholds: [{{ max_connections: 4096, max_pending_requests: 4096, max_requests: 4096 }}]
    load_assignment:
      cluster_name: origin
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: {{ socket_address: {{ address: 127.0.0.1, port_value: {origin} }} }}
"""

ENVOY_XRAY = """
          tracing:
            random_sampling: { value: 100 }
            provider:
              name: envoy.tracers.xray
              typed_config:
                "@type": type.googleapis.com/envoy.config.trace.v3.XRayConfig
                daemon_endpoint: { protocol: UDP, address: 127.0.0.1, port_value: SINK }
                segment_name: envoy
                sampling_rule_manifest:
                  inline_string: '{"version":2,"default":{"fixed_target":1,"rate":1.0},"rules":[]}'
"""


def nginx_origin(folder, port):
    """The service behind every proxy."""
    return ORIGIN.format(folder=folder, port=port)


def nginx(folder, port, origin):
    """nginx as a reverse proxy."""
    return NGINX.format(folder=folder, port=port, origin=origin)


def haproxy(port, origin):
    """HAProxy as a reverse proxy."""
    return HAPROXY.format(port=port, origin=origin)


def envoy(port, origin, sink=None):
    """Envoy as a reverse proxy; with a sink it traces every request into it."""
    tracing = ENVOY_XRAY.strip().replace("SINK", str(sink)) if sink else ""
    return ENVOY.format(port=port, origin=origin, tracing=tracing)
