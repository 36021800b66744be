# Checks deliveries as a receiver would that knows Standard Webhooks' own library and nothing of Keystead.
# Standard input: {"secret": "whsec_...", "deliveries": [{"headers": {...}, "body": "..."}]}.
import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

told = json.load(sys.stdin)
webhook = Webhook(told["secret"])


def refuses(body, headers):
    try:
        webhook.verify(body, headers)
    except WebhookVerificationError:
        return True
    return False


assert told["deliveries"]
for delivery in told["deliveries"]:
    body, headers = delivery["body"], delivery["headers"]
    event = webhook.verify(body, headers)
    assert event["type"] == "alert.opened", event
    # Nothing of it can be another's, and nothing of it can be sent again later.
    assert refuses(body.replace("critical", "notice"), headers)
    assert refuses(body, {**headers, "webhook-id": "dlv_other"})
    later = str(int(headers["webhook-timestamp"]) + 1)
    assert refuses(body, {**headers, "webhook-timestamp": later})
    old = str(int(headers["webhook-timestamp"]) - 3600)
    assert refuses(body, {**headers, "webhook-timestamp": old})
