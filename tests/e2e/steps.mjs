// What people, scripts and services do with the portal, one function each.
import assert from 'node:assert/strict';
import { field } from './harness.mjs';

export const ADA = 'ada@example.com';
export const GRACE = 'grace@example.com';
export const fetchMails = { tool_name: 'gmail_fetch_mails', connector: 'gmail', params: { max_results: 3 } };

// The CSRF token as the pages' own forms have it.
export async function csrfOf(browser, stack) {
    const page = await browser.request(`${stack.url}/`);
    const csrf = field(page.text, 'csrf');
    assert.ok(csrf, `no CSRF token on the page: ${page.status} ${page.location}`);
    return csrf;
}

// From the deep link to Scalekit's page: the magic link.
export async function startConnecting(browser, stack, connection, returnTo) {
    const query = returnTo === undefined ? '' : `?return_to=${encodeURIComponent(returnTo)}`;
    const page = await browser.request(`${stack.url}/connect/${connection}${query}`);
    assert.equal(page.status, 200, `the deep link answered ${page.status} ${page.location ?? ''}`);
    const answer = await browser.request(`${stack.url}/connectors/${connection}/connect`, {
        form: { csrf: field(page.text, 'csrf'), return_to: unescapeHtml(field(page.text, 'return_to') ?? '') },
    });
    assert.equal(answer.status, 303);
    return answer.location;
}

// Say "allow" or "refuse" on Scalekit's page: the callback address, not yet opened.
export async function consent(browser, link, decision = 'allow', account = ADA) {
    const page = await browser.request(link);
    assert.equal(page.status, 200, `Scalekit's page answered ${page.status}`);
    const answer = await browser.request(link, { form: { decision, account } });
    assert.ok(answer.location, `Scalekit's page led nowhere: ${answer.status} ${answer.text.slice(0, 300)}`);
    return answer.location;
}

// Give an API key on Scalekit's page, which leads nowhere.
export async function giveKey(browser, link) {
    const answer = await browser.request(link, { form: { decision: 'allow', credential: 'exa-key-1' } });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.location, null);
}

export async function connect(browser, stack, connection, { account = ADA, returnTo } = {}) {
    const callback = await consent(browser, await startConnecting(browser, stack, connection, returnTo), 'allow', account);
    return browser.request(callback);
}

export async function disconnect(browser, stack, connection, action = 'disconnect') {
    const page = await browser.request(`${stack.url}/connectors/${connection}/disconnect?action=${action}`);
    assert.equal(page.status, 200);
    return browser.request(`${stack.url}/connectors/${connection}/disconnect`, {
        form: { csrf: field(page.text, 'csrf'), action },
    });
}

export const unescapeHtml = (text) => text
    .replaceAll('&#39;', "'").replaceAll('&#x27;', "'").replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

// One call of the JSON endpoint: { status, headers, text, json }. `body` is an object, or exact text.
export async function callApi(stack, path, { token, user, method, body, headers = {} } = {}) {
    const sent = { ...headers };
    if (token) sent.authorization = `Bearer ${token}`;
    if (user) sent['gatehouse-user'] = user;
    if (body !== undefined && !sent['content-type']) sent['content-type'] = 'application/json';
    const answer = await fetch(`${stack.url}${path}`, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: sent,
        body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
        redirect: 'manual',
    });
    const text = await answer.text();
    let json;
    if (/\bjson\b/.test(answer.headers.get('content-type') ?? '') && text) json = JSON.parse(text);
    return { status: answer.status, headers: answer.headers, text, json };
}

export const executeTool = (stack, token, body = fetchMails, options = {}) =>
    callApi(stack, '/api/v1/execute_tool', { token, user: ADA, body, ...options });

// RFC 9457 as this portal speaks it.
export function assertProblem(answer, status, slug) {
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    const { json } = answer;
    assert.equal(json.status, status);
    assert.match(json.type, new RegExp(`/problems/${slug}$`));
    assert.equal(json.instance, answer.headers.get('x-request-id'));
    assert.ok(json.title);
    assert.match(json.source, /^(gatehouse|scalekit|provider)$/);
    return json;
}

// What every answer of Gatehouse carries, whatever it says.
export function assertGuarded(answer) {
    const header = (name) => answer.headers.get(name);
    assert.match(header('x-request-id') ?? '', /^[0-9a-f]{32}$/);
    const policy = header('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.match(policy, /base-uri 'none'/);
    assert.doesNotMatch(policy, /unsafe-|\*/);
    assert.equal(header('x-content-type-options'), 'nosniff');
    assert.equal(header('referrer-policy'), 'same-origin');
    assert.equal(header('cross-origin-opener-policy'), 'same-origin');
    assert.equal(header('cross-origin-resource-policy'), 'same-origin');
    assert.equal(header('cache-control'), header('etag') ? 'private, no-cache' : 'no-store');
    assert.doesNotMatch(header('server') ?? '', /\d/);
}
