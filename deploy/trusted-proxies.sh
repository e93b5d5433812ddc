#!/bin/sh
# Prints what nginx.conf includes: whom to believe about a visitor's address and scheme.
# TRUSTED_PROXIES lists addresses and CIDR networks between commas or spaces; empty: nobody.
set -eu

proxies=$(printf '%s' "${TRUSTED_PROXIES:-}" | tr ',' ' ')
for proxy in $proxies; do
    printf 'set_real_ip_from %s;\n' "$proxy"
done
printf 'real_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n'
printf 'geo $realip_remote_addr $from_trusted_proxy {\n    default 0;\n'
for proxy in $proxies; do
    printf '    %s 1;\n' "$proxy"
done
printf '}\n'
