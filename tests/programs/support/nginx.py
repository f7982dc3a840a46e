"""nginx as a service: fast enough that load is about the sidecar, and it passes headers on."""

PLAIN = """
daemon off;
error_log stderr error;
pid {folder}/nginx.pid;
worker_processes 1;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
"""

STATIC = """
    server {{
        listen 127.0.0.1:{port} backlog=4096 reuseport {flags};
        {extra}
        location / {{ return 200 "ok\\n"; }}
    }}
"""

CALLING = """
    upstream egress {{ server 127.0.0.1:{egress}; keepalive 256; keepalive_requests 1000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://egress;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host 127.0.0.1:{back};
        }}
    }}
"""


FRONT = """
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {certificate.cert};
        ssl_certificate_key {certificate.key};
        client_max_body_size 0;
        underscores_in_headers on;
        add_header X-Front-Protocol $http2 always;
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_set_header Host $http_host;
            proxy_set_header X-Front-Protocol $http2;
        }}
    }}
"""


def config(folder, *servers):
    """Writes a configuration with those servers and returns the command that runs it."""
    file = folder / "nginx.conf"
    file.write_text(PLAIN.format(folder=folder, servers="".join(servers)))
    return ["nginx", "-p", folder, "-c", file]


def static(port):
    """A server that answers everything with two letters."""
    return STATIC.format(port=port, flags="", extra="")


def secure(port, certificate):
    """The same behind TLS, with HTTP/2."""
    extra = f"ssl_certificate {certificate.cert}; ssl_certificate_key {certificate.key};"
    return STATIC.format(port=port, flags="ssl http2", extra=extra)


def calling(port, egress, back):
    """A server that answers each request by asking `back` for the same path, through the egress
    port as its base URL. It passes the headers it was sent on, as nginx does."""
    return CALLING.format(port=port, egress=egress, back=back)


def front(port, certificate, upstream):
    """A server that speaks HTTP/2 to its clients and asks `upstream`, a port, for everything. When
    it was asked over HTTP/2, it tells both so, by `X-Front-Protocol: h2`."""
    return FRONT.format(port=port, certificate=certificate, upstream=upstream)
