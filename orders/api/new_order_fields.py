"""The fields of a new order, by what becomes of them. Source: CartRover reference 1.7."""

from __future__ import annotations

ADDRESS_PARTS = (
    "company", "title", "first_name", "last_name", "address_1", "address_2", "address_3", "city", "state", "zip", "country",
    "phone", "e_mail",
)  # fmt: skip
"""After `ship_` and `cust_`; the hub's addresses have no title, which is kept among the other fields."""

REQUIRED = ("cust_ref", "ship_address_1", "ship_city", "ship_state", "ship_zip", "ship_country", "items")

TEXTS = (
    "special_services", "location", "promo_code", "ship_account_no", "ship_address_type", "gift_message", "pay_type",
    "custom_field_1", "custom_field_2", "custom_field_3", "custom_field_4", "custom_field_5", "pre_auth_code", "pre_auth_id",
    "cc_last_four", "installment_program", "prepaid_order", "check_type", "check_no", "black_list", "credit_score",
    "fraud_score", "ifraud_error_code", "xfraud_error_code", "credit_error_code", "cass_code_ship", "cass_error_ship",
    "cass_code_cust", "cass_error_cust", "cass_date", "ncoa_code_ship", "ncoa_code_cust", "ncoa_date", "resubmit_date",
    "media_week", "ani_phone", "vendor_phone", "fail_action", "action_dt", "filename", "call_queue", "clerk_disposition",
    "clerk_disp_dt", "rep_disposition", "rep_disp_dt", "org_file_no", "regional_center", "regional_order_no",
    "regional_ship_date", "first_attempt", "expected_delivery_date", "ship_title", "cust_title",
)  # fmt: skip
"""Kept as they came, and shown again."""

FLAGS = ("gift_wrap", "routing_sw", "tax_exempt_sw", "token_sw", "gift_card_sw", "load_override_sw", "duplicate_sw")

AMOUNTS = ("sub_total", "grand_total", "balance", "weight", "pre_auth_amt")
"""Kept as pushed: nothing is computed from them, and nothing is compared with them."""

NEVER_KEPT = (
    "credit_card_no", "cvv", "expiration_date", "check_account_no", "check_bank_id", "check_cust_bank", "check_cust_id_num",
    "check_cust_id_state", "check_cust_id_mm", "check_cust_id_dd", "check_cust_id_yy", "check_cust_id_type",
)  # fmt: skip
"""Taken and forgotten at once, stored requests included: no warehouse needs them, and whoever keeps them answers for them."""

LINE_TEXTS = ("line_comment", "lot_number", "line_item_id")
LINE_AMOUNTS = {"discount": 4, "addl_discount": 4, "extended_amount": 2, "tax": 2, "shipping_surcharge": 2}
"""With the decimals that they have in answers."""

KEPT = frozenset({*TEXTS, *FLAGS, *AMOUNTS})
LINE_KEPT = frozenset({*LINE_TEXTS, *LINE_AMOUNTS, "line_no"})

EXTRA = "extra_fields."
"""Before the name of an extra field that is called like a field of the order: so the two stay apart."""
