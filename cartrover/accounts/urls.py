"""Pages that belong to no account: coming in, and a person's own. Names with `account_` and `mfa_` are those of allauth."""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as second_step
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as app
from allauth.mfa.webauthn import views as passkeys
from django.urls import path, re_path
from django.views.decorators.cache import never_cache

from cartrover.accounts import staff_views
from cartrover.accounts.views import entrance, invited, you

RESET = r"^password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$"

entering = [
    path("acting/end/", staff_views.acting_end, name="acting_end"),
    path("", entrance.home, name="home"),
    path("sign-in/", account.login, name="login"),
    path("sign-in/", account.login, name="account_login"),
    path("sign-in/second-step/", second_step.authenticate, name="mfa_authenticate"),
    path("sign-in/passkey/", passkeys.login_webauthn, name="mfa_login_webauthn"),
    path("sign-in/closed/", account.account_inactive, name="account_inactive"),
    path("sign-out/", entrance.SignOut.as_view(), name="logout"),
    path("sign-out/", entrance.SignOut.as_view(), name="account_logout"),
    path("sign-up/", entrance.SignUp.as_view(), name="account_signup"),
    path("sign-up/verify/", account.email_verification_sent, name="account_email_verification_sent"),
    path("verify/<str:key>/", never_cache(account.confirm_email), name="account_confirm_email"),
    path("join/<str:token>/", invited.join, name="join"),
    path("password/reset/", never_cache(account.password_reset), name="account_reset_password"),
    path("password/reset/sent/", account.password_reset_done, name="account_reset_password_done"),
    path("password/reset/done/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(RESET, never_cache(account.password_reset_from_key), name="account_reset_password_from_key"),
]

own = [
    path("you/", you.you, name="you"),
    path("you/email/", never_cache(account.email), name="account_email"),
    path("you/confirm/", never_cache(account.reauthenticate), name="account_reauthenticate"),
    path("you/confirm/code/", never_cache(second_step.reauthenticate), name="mfa_reauthenticate"),
    path("you/confirm/passkey/", never_cache(passkeys.reauthenticate_webauthn), name="mfa_reauthenticate_webauthn"),
    path("you/second-step/", you.second_step, name="mfa_index"),
    path("you/second-step/", you.second_step, name="mfa_list_webauthn"),
    path("you/second-step/app/on/", never_cache(app.activate_totp), name="mfa_activate_totp"),
    path("you/second-step/app/off/", never_cache(app.deactivate_totp), name="mfa_deactivate_totp"),
    path("you/second-step/codes/", never_cache(codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path("you/second-step/codes/new/", never_cache(codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("you/second-step/codes/file/", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("you/passkeys/add/", never_cache(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path("you/passkeys/<int:pk>/name/", never_cache(passkeys.edit_webauthn), name="mfa_edit_webauthn"),
    path("you/passkeys/<int:pk>/remove/", never_cache(passkeys.remove_webauthn), name="mfa_remove_webauthn"),
    path("you/sessions/others/end/", you.sessions_end_others, name="sessions_end_others"),
    path("you/sessions/<int:key>/end/", you.session_end, name="session_end"),
    path("password/", never_cache(account.password_change), name="change_password"),
    path("password/", never_cache(account.password_change), name="account_change_password"),
    path("password/set/", never_cache(account.password_set), name="account_set_password"),
]

urlpatterns = [*entering, *own]
