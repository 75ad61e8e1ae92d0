"""The columns of DSCO's order export, in file order.

A full export had 123 columns, later 143 and 223 (Source: DSCO reference 3). The 123 are known by name, and sixteen of the next
twenty; of the 223 the places of those that integrators read by position are known and kept here. Names that nobody has seen
in a file follow DSCO's own rule from its API's attributes: camelCase to snake_case, prefix line_item_, numbered from 1.
"""

from __future__ import annotations

from collections.abc import Sequence


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_123 = _names("""
    po_number number_of_line_items line_item_line_number line_item_sku line_item_upc line_item_ean line_item_partner_sku
    line_item_quantity line_item_title line_item_color line_item_size line_item_expected_cost line_item_consumer_price
    line_item_personalization line_item_warehouse_code line_item_receipt_id line_item_gift_flag line_item_gift_receipt_id
    line_item_gift_to_name line_item_gift_from_name line_item_gift_message line_item_retail_price
    line_item_shipping_surcharge line_item_packing_slip_message line_item_packing_instructions line_item_returns_message
    line_item_ship_instructions line_item_message line_item_bogo_flag line_item_bogo_instructions line_item_tax_percentage_1
    line_item_tax_type_code_1 line_item_tax_percentage_2 line_item_tax_type_code_2 line_item_tax_percentage_3
    line_item_tax_type_code_3 ship_attention ship_first_name ship_last_name ship_company ship_address_1 ship_address_2
    ship_city ship_region ship_postal ship_country ship_phone ship_email ship_store_number ship_carrier ship_method
    shipping_service_level_code expected_delivery_date required_delivery_date signature_required_flag ship_instructions
    retailer_create_date channel test_flag consumer_order_number currency_code marketing_message packing_instructions
    returns_message message gift_flag gift_message gift_to_name gift_from_name receipt_id gift_receipt_id shipping_surcharge
    tax_percentage_1 tax_type_code_1 tax_percentage_2 tax_type_code_2 tax_percentage_3 tax_type_code_3 coupon_amount_1
    coupon_percentage_1 coupon_amount_2 coupon_percentage_2 coupon_amount_3 coupon_percentage_3 payment_card_type_1
    payment_card_last_four_1 payment_card_type_2 payment_card_last_four_2 payment_card_type_3 payment_card_last_four_3
    bill_to_attention bill_to_first_name bill_to_last_name bill_to_company bill_to_address_1 bill_to_address_2 bill_to_city
    bill_to_region bill_to_postal bill_to_country bill_to_phone bill_to_email acknowledge_by_date cancel_after_date
    ship_by_date invoice_by_date dsco_ship_carrier dsco_ship_method dsco_shipping_service_level_code retailer_ship_carrier
    retailer_ship_method retailer_shipping_service_level_code dsco_order_id dsco_order_status dsco_item_id dsco_supplier_id
    dsco_supplier_name dsco_retailer_id dsco_retailer_name dsco_trading_partner_id dsco_trading_partner_name
    dsco_create_date dsco_last_update_date
""")

NEXT_20 = _names("""
    line_item_retailer_item_id_1 line_item_ship_by_date line_item_requested_ship_date line_item_tax_amount_1 ship_name
    ship_address_3 order_type bill_to_name dsco_lifecycle dsco_trading_partner_parent_id business_rule_code
    consumer_order_date dsco_order_total line_item_extended_expected_cost_total line_item_product_group
    amount_of_sales_tax_collected ship_site_type packing_slip_message supplier_order_number cancel_requested
""")

ALL_223 = _names("""
    po_number number_of_line_items line_item_line_number line_item_sku line_item_upc line_item_ean line_item_partner_sku
    line_item_gtin line_item_mpn line_item_isbn line_item_retailer_item_id_1 line_item_quantity line_item_title
    line_item_color line_item_size line_item_expected_cost line_item_consumer_price line_item_personalization
    line_item_warehouse_code line_item_receipt_id line_item_gift_flag line_item_gift_receipt_id line_item_gift_to_name
    line_item_gift_from_name line_item_gift_message line_item_retail_price line_item_shipping_surcharge
    line_item_packing_slip_message line_item_packing_instructions line_item_returns_message line_item_ship_instructions
    line_item_message line_item_bogo_flag line_item_bogo_instructions line_item_tax_percentage_1 line_item_tax_type_code_1
    line_item_tax_percentage_2 line_item_tax_type_code_2 line_item_tax_percentage_3 line_item_tax_type_code_3
    line_item_ship_by_date line_item_requested_ship_date line_item_tax_amount_1 line_item_extended_expected_cost_total
    line_item_product_group line_item_retailer_item_id_2 line_item_department_id line_item_department_name
    line_item_merchandising_account_id line_item_merchandising_account_name line_item_unit_of_measure
    line_item_acknowledge_by_date line_item_cancel_after_date line_item_invoice_by_date line_item_expected_delivery_date
    line_item_required_delivery_date line_item_retailer_item_id_3 line_item_retailer_item_id_4 line_item_retailer_item_id_5
    line_item_tax_amount_2 line_item_tax_amount_3 line_item_warehouse_retailer_code line_item_warehouse_dsco_id
    line_item_status line_item_status_reason line_item_cancelled_quantity line_item_cancelled_reason line_item_cancel_code
    line_item_cancel_requested line_item_accepted_quantity line_item_accepted_reason line_item_rejected_quantity
    line_item_rejected_reason line_item_estimated_ship_date line_item_estimated_ship_reason line_item_ready_for_pickup
    line_item_expected_cost_adjustment_allowed line_item_update_date line_item_gift_wrap_flag line_item_gift_wrap_message
    line_item_tax_percentage_4 line_item_tax_type_code_4 line_item_tax_percentage_5 line_item_tax_type_code_5 ship_name
    ship_first_name ship_last_name ship_company ship_address_1 ship_address_2 ship_address_3 ship_address_4 ship_city
    ship_region ship_postal ship_country ship_phone ship_email ship_store_number ship_carrier ship_method
    shipping_service_level_code expected_delivery_date required_delivery_date signature_required_flag ship_instructions
    consumer_order_date retailer_create_date channel ship_attention test_flag consumer_order_number currency_code
    marketing_message packing_instructions returns_message message gift_flag gift_message gift_to_name gift_from_name
    receipt_id gift_receipt_id shipping_surcharge tax_percentage_1 tax_type_code_1 tax_percentage_2 tax_type_code_2
    tax_percentage_3 tax_type_code_3 coupon_amount_1 coupon_percentage_1 coupon_amount_2 coupon_percentage_2 coupon_amount_3
    coupon_percentage_3 payment_card_type_1 payment_card_last_four_1 payment_card_type_2 payment_card_last_four_2
    payment_card_type_3 payment_card_last_four_3 bill_to_attention bill_to_first_name bill_to_last_name bill_to_company
    bill_to_address_1 bill_to_address_2 bill_to_city bill_to_region bill_to_postal bill_to_country bill_to_phone
    bill_to_email acknowledge_by_date cancel_after_date ship_by_date invoice_by_date dsco_ship_carrier dsco_ship_method
    dsco_shipping_service_level_code retailer_ship_carrier retailer_ship_method retailer_shipping_service_level_code
    dsco_order_id dsco_order_status dsco_item_id dsco_supplier_id dsco_supplier_name dsco_retailer_id dsco_retailer_name
    dsco_trading_partner_id dsco_trading_partner_name dsco_create_date dsco_last_update_date order_type bill_to_name
    dsco_lifecycle dsco_trading_partner_parent_id business_rule_code dsco_order_total amount_of_sales_tax_collected
    ship_address_type ship_night_phone ship_customer_number ship_site_type secondary_consumer_order_number
    internal_control_number release_number packing_slip_message packing_slip_template packing_slip_email packing_slip_phone
    gift_wrap_flag gift_wrap_message shipping_account_number requested_warehouse_code requested_warehouse_retailer_code
    requested_warehouse_dsco_id supplier_order_number cancel_requested requested_ship_carrier requested_ship_method
    requested_shipping_service_level_code requested_shipping_service_level_code_unmapped dsco_warehouse_code
    dsco_warehouse_retailer_code dsco_warehouse_dsco_id ship_warehouse_code ship_warehouse_retailer_code
    ship_warehouse_dsco_id dsco_ship_late_date dsco_acknowledge_late_date dsco_cancel_late_date dsco_invoice_late_date
    cancel_requested_code delivery_method expedite_flag cross_dock_flag cross_dock_location marketplace_type tax_amount_1
    tax_amount_2
""")

LAYOUTS = {123: FIRST_123, 143: FIRST_123 + NEXT_20, 223: ALL_223}


def is_line_column(name: str) -> bool:
    """Tell whether a column belongs to the order's line; the others repeat on each row of the order."""
    return name.startswith("line_item_") or name == "dsco_item_id"


def choose(columns: int | Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a layout by its size, or the given names. Raise KeyError for a size that DSCO never had."""
    return LAYOUTS[columns] if isinstance(columns, int) else tuple(columns)
