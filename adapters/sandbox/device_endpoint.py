"""The device authorization endpoint and the page where its user decides (RFC 8628 sections 3.1 to 3.3)."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from adapters.sandbox.authorization_controls import AuthorizationControls
from adapters.sandbox.authorization_pages import (
    ALLOW,
    DECISION,
    DENY,
    TICKET,
    TicketOffice,
    browser_of,
    code_form,
    decision_form,
    listed,
    page,
    stale_page,
    told,
)
from adapters.sandbox.clients import authenticated_client
from adapters.sandbox.device_codes import DeviceRequest
from adapters.sandbox.oauth_errors import OAuthError
from adapters.sandbox.oauth_forms import (
    NEVER_STORED,
    error_response,
    limited_body,
    read_form,
    read_pairs,
    recorded_headers,
)
from adapters.sandbox.refusals import json_response
from adapters.sandbox.scopes import read_scopes
from adapters.sandbox.server_metadata import issuer_of
from adapters.sandbox.world import Endpoint
from domain.words import Text


class DeviceEndpoint:
    def __init__(self, controls: AuthorizationControls) -> None:
        self._controls = controls
        self._tickets: TicketOffice[DeviceRequest] = TicketOffice()

    async def authorize(self, request: Request) -> Response:
        """RFC 8628 section 3.2. `response_type=device_code`, which Oracle's identity service wants, does no harm."""
        body = await limited_body(request)
        try:
            form = read_form(request, body)
            self._controls.record(Endpoint.DEVICE, fields=form, headers=recorded_headers(request))
            client = authenticated_client(form, request.headers.get("authorization"))
            scopes = read_scopes(form.get("scope", ""))
        except OAuthError as error:
            return error_response(error)
        lifetime, interval = self._controls.device_code_lifetime, self._controls.polling_interval
        device_code, user_code = self._controls.devices.issue(
            client_id=client.client_id, scopes=scopes, lifetime=lifetime, interval=interval
        )
        place = issuer_of(request, self._controls) + self._controls.paths[Endpoint.VERIFICATION]
        answer = {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": place,
            "verification_uri_complete": f"{place}?{urlencode({'user_code': user_code})}",
            "expires_in": int(lifetime.total_seconds()),
            "interval": int(interval.total_seconds()),
        }
        return json_response(answer, headers=NEVER_STORED)

    async def verify(self, request: Request) -> Response:
        """Where the user types the code, sees who asks for what, and decides."""
        try:
            if request.method == "POST":
                fields = read_form(request, await limited_body(request))
            else:
                fields, _ = read_pairs(request.scope["query_string"])
        except OAuthError as error:
            return page(Text("This cannot be read", "无法读取"), told(Text.of(str(error))), status=400)
        self._controls.record(Endpoint.VERIFICATION, fields=fields, headers=recorded_headers(request))
        if request.method == "POST" and TICKET in fields:
            return self._decided(request, fields)
        if "user_code" not in fields:
            return self._code_page(Text("Type the code that your terminal shows.", "请输入终端上显示的代码。"))
        asked = self._controls.devices.find(fields["user_code"])
        if asked is None:
            unknown = Text("No login waits under this code.", "没有使用此代码的待处理登录。")
            return self._code_page(unknown, status=400)
        browser = browser_of(request)
        return page(
            Text("Allow access?", "是否允许访问？"),
            # RFC 8628 section 3.3.1: shown even when it came with the address, to be compared with the terminal's.
            told(
                Text(
                    f"Go on only if your terminal shows this code: {asked.user_code}",
                    f"仅当终端上显示的是此代码时才继续：{asked.user_code}",
                )
            ),
            told(
                Text(
                    f"The program {asked.client_id} asks to log in at this sandbox, and for:",
                    f"程序 {asked.client_id} 请求登录此沙盒，并请求以下权限：",
                )
            ),
            listed(sorted(asked.scopes)),
            decision_form(self._controls.paths[Endpoint.VERIFICATION], self._tickets.issue(browser, asked)),
            browser=browser,
        )

    def _code_page(self, words: Text, *, status: int = 200) -> Response:
        form = code_form(self._controls.paths[Endpoint.VERIFICATION])
        return page(Text("Log in on another device", "在其他设备上登录"), told(words), form, status=status)

    def _decided(self, request: Request, fields: dict[str, str]) -> Response:
        decision = fields.get(DECISION)
        asked = self._tickets.take(browser_of(request), fields[TICKET]) if decision in {ALLOW, DENY} else None
        if asked is None or not self._controls.devices.decide(asked.user_code, allow=decision == ALLOW):
            return stale_page()
        if decision == DENY:
            return page(Text("Access denied", "已拒绝访问"), told(Text("You may close this page.", "可以关闭此页面。")))
        return page(Text("Access allowed", "已允许访问"), told(Text("Go back to your terminal.", "请回到终端。")))
