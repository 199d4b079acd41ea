#!/bin/sh
# A client for API v2. It needs curl 7.18 or newer and nothing else.
# Every function prints the panel's answer, which is JSON: an error is {"error":"..."}.
# A status other than 0 means that no usable answer came: what was asked may or may not have been done.

API_URL='https://panel.example/api/v2'
API_KEY='YOUR_API_KEY'

# api_call TIMEOUT_SECONDS NAME=VALUE...
# The key goes through standard input: other users of this machine can read a command line.
api_call() {
    api_timeout=$1
    shift
    for api_field in "$@"; do
        shift
        set -- "$@" --data-urlencode "$api_field"
    done
    printf '%s' "$API_KEY" |
        curl --silent --show-error --fail --connect-timeout 10 --max-time "$api_timeout" \
            --data-urlencode key@- "$@" "$API_URL" &&
        echo
}

# All services with their prices.
api_services() { api_call 60 action=services; }

# api_order service=ID link=URL quantity=N idempotency_key=YOUR_REFERENCE
# Give it an idempotency_key of your own: when no answer came, the same call with the same key
# is safe, it returns the first order instead of placing another one.
api_order() { api_call 30 action=add "$@"; }

# Ids are parted by commas, up to 100 of them: api_multi_status 1,10,100
api_status() { api_call 30 action=status "order=$1"; }
api_multi_status() { api_call 30 action=status "orders=$1"; }
api_refill() { api_call 30 action=refill "order=$1"; }
api_multi_refill() { api_call 30 action=refill "orders=$1"; }
api_refill_status() { api_call 30 action=refill_status "refill=$1"; }
api_multi_refill_status() { api_call 30 action=refill_status "refills=$1"; }
api_cancel() { api_call 30 action=cancel "orders=$1"; }
api_balance() { api_call 30 action=balance; }

api_balance
# api_order service=1 link=https://example.com quantity=100 idempotency_key=my-order-1001
# api_status 23501
