"""Words that several pages about people share."""

from __future__ import annotations

from collections.abc import Mapping

from cartrover.accounts.models import Role

WRONG = "This e-mail address and password don't belong together. Check both and try again."
STOPPED = "There were too many wrong passwords or codes. Wait 15 minutes, then try again."
MAIL_NOT_SENT = "The e-mail could not be sent. Try again in a while; if it stays so, tell whoever runs this hub."

MAY: Mapping[Role, str] = {
    Role.OWNER: "Everything: connections and their passwords, members, settings, and all that operators do.",
    Role.OPERATOR: "Works on orders: edits, sends again, holds, releases, cancels. Keeps products, aliases and shipping codes.",
    Role.VIEWER: "Looks at everything and changes nothing.",
}
"""What a member of each role may do."""
