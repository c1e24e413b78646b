// The journey in a real browser: with and without scripts, narrow and wide, light and dark. Screenshots go to
// tests/artifacts/, to be looked at.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { source, startStack } from './harness.mjs';
import { ADA, executeTool, fetchMails } from './steps.mjs';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
const artifacts = path.join(source, 'tests/artifacts');
const launchArguments = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'];

const looks = [
    { name: 'wide-light', javaScriptEnabled: true, width: 1280, colorScheme: 'light' },
    { name: 'narrow-dark', javaScriptEnabled: true, width: 360, colorScheme: 'dark' },
    { name: 'wide-dark-noscript', javaScriptEnabled: false, width: 1280, colorScheme: 'dark' },
    { name: 'narrow-light-noscript', javaScriptEnabled: false, width: 360, colorScheme: 'light' },
];

describe('in a browser', { skip: executablePath ? false : 'no chromium here' }, () => {
    let stack;
    let token;
    let browser;
    before(async () => {
        const { chromium } = await import('playwright-core');
        mkdirSync(artifacts, { recursive: true });
        stack = await startStack({ env: { GATEHOUSE_ACCOUNT_MAX_AGE: '0', GATEHOUSE_CATALOGUE_MAX_AGE: '86400' } });
        token = stack.token({ label: 'Weekly report' });
        browser = await chromium.launch({ executablePath, args: launchArguments });
    });
    after(async () => {
        await browser?.close();
        await stack?.stop();
    });

    // A fresh person's window that notes everything a browser complains about.
    async function open({ javaScriptEnabled, width, colorScheme }) {
        const context = await browser.newContext({
            javaScriptEnabled, colorScheme, viewport: { width, height: width < 500 ? 740 : 800 }, reducedMotion: 'reduce',
            hasTouch: width < 500,
        });
        context.setDefaultTimeout(10000);
        const page = await context.newPage();
        const complaints = [];
        page.on('console', (message) => {
            if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()} (${page.url()})`);
        });
        page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
        page.on('requestfailed', (request) => {
            if (!/ERR_ABORTED/.test(request.failure()?.errorText)) complaints.push(`failed: ${request.url()} ${request.failure()?.errorText}`);
        });
        page.on('response', (response) => {
            const asked = new URL(response.url()).pathname;
            const isWanted = asked.startsWith('/nothing') || (response.request().method() === 'POST' && asked === '/tokens' && response.status() === 400);
            if (response.status() >= 400 && !isWanted) {
                complaints.push(`${response.status()} ${response.url()}`);
            }
        });
        return { context, page, complaints };
    }

    // What every page must hold to; `look` names the screenshot.
    async function inspect(page, width, name) {
        await page.screenshot({ path: path.join(artifacts, `${name}.png`), fullPage: true });
        const wide = await page.locator('html').evaluate((root) => root.scrollWidth).catch(() => undefined);
        assert.ok(wide <= width, `${name} is ${wide} px wide in a window of ${width}`);
        if (!page.url().startsWith(stack.url)) return;
        assert.equal(await page.locator('h1').count(), 1, `${name}: one h1`);
        assert.ok((await page.title()).endsWith(' · Gatehouse'), await page.title());
        assert.equal(await page.locator('html').getAttribute('lang'), 'en');
        assert.equal(await page.locator('img:not([alt])').count(), 0);
        for (const button of await page.locator('main button:visible, main a.button:visible').all()) {
            const box = await button.boundingBox();
            const isCopy = (await button.getAttribute('class'))?.includes('copy');
            assert.ok(isCopy || (box.height >= 44 && box.width >= 44), `${name}: "${await button.innerText()}" is ${box.width}×${box.height}`);
            assert.ok((await button.innerText()).trim(), `${name}: a button without words`);
        }
        // The style sheet is there, and it is used.
        assert.notEqual(await page.locator('body').evaluate((body) => getComputedStyle(body).fontFamily), '"Times New Roman"');
    }

    for (const look of looks) {
        it(`the whole journey, ${look.name}`, async () => {
            await stack.simPost('/sim/reset');
            stack.sql('DELETE FROM connected_account; DELETE FROM account_event; DELETE FROM authorization_request; DELETE FROM tool_call; DELETE FROM api_token WHERE kind = \'personal\'', { write: true });
            const { context, page, complaints } = await open(look);
            let step = 0;
            const see = (name) => inspect(page, look.width, `${look.name}-${String(++step).padStart(2, '0')}-${name}`);
            await page.goto(`${stack.url}/`);
            await see('signin');
            await page.getByRole('link', { name: 'Sign in' }).click();
            await see('provider');
            await page.getByRole('button', { name: /Ada Lovelace/ }).click();
            await page.waitForURL(`${stack.url}/`);
            await see('connectors');

            await page.getByRole('link', { name: 'Gmail', exact: true }).click();
            await see('connector-never');
            await page.goto(`${stack.url}/connect/gmail`);
            await see('connect');
            await page.locator('main form button').click();
            await page.waitForURL(`${stack.sim}/**`);
            await see('consent');
            await page.getByRole('button', { name: 'Allow' }).click();
            await page.waitForURL(`${stack.url}/**`);
            assert.match(await page.locator('.notice').innerText(), /Gmail is connected/i);
            if (look.javaScriptEnabled) {
                await page.waitForFunction(() => /connected/.test(document.getElementById('live').textContent));
            }
            await see('connected');
            assert.equal((await executeTool(stack, token)).status, 200);
            assert.equal((await executeTool(stack, token, { ...fetchMails, params: { sim_error: 500 } })).status, 422);

            await page.goto(`${stack.url}/`);
            // From the card to Scalekit's page for a key, and back by hand.
            const exa = page.locator('li.card', { hasText: 'Exa' });
            await exa.locator('.button').click();
            if (page.url().startsWith(`${stack.url}/connect/`)) await page.locator('main form button').click();
            await page.waitForURL(`${stack.sim}/**`);
            await see('key');
            await page.locator('input[name=credential]').fill('exa-key-1');
            await page.getByRole('button', { name: 'Connect' }).click();
            await page.getByText('You can close this page').waitFor();
            await page.goto(`${stack.url}/`);
            assert.match(await page.locator('li.card', { hasText: 'Exa' }).innerText(), /Connected/);
            // Refused.
            await page.goto(`${stack.url}/connect/slack`);
            await page.locator('main form button').click();
            await page.waitForURL(`${stack.sim}/**`);
            await page.getByRole('button', { name: 'Refuse' }).click();
            await page.waitForURL(`${stack.url}/**`);
            assert.match(await page.locator('.notice').innerText(), /was not connected/);
            await see('refused');
            // Expired behind our back.
            await stack.simPost('/sim/accounts', { connector: 'exa', identifier: ADA, status: 'EXPIRED' });
            await page.goto(`${stack.url}/`);
            await page.waitForTimeout(300);
            await page.goto(`${stack.url}/`);
            assert.match(await page.locator('li.card', { hasText: 'Exa' }).innerText(), /Reconnect/);
            await see('connectors-mixed');

            await page.getByRole('link', { name: 'Gmail', exact: true }).click();
            assert.match(await page.locator('.calls').innerText(), /gmail_fetch_mails[^]*Weekly report/i);
            await see('connector');
            await page.getByRole('link', { name: /^Disconnect/ }).click();
            await see('disconnect');
            await page.getByRole('button', { name: /^Disconnect/ }).click();
            assert.match(await page.locator('.notice').innerText(), /is disconnected/);
            await see('disconnected');
            await page.goto(`${stack.url}/connectors/gmail/disconnect?action=remove`);
            await see('remove');
            await page.getByRole('button', { name: /^Remove/ }).click();
            assert.match(await page.locator('.notice').innerText(), /is removed/);

            // Access keys: by the menu, made with a mistake first, seen once, revoked.
            await page.goto(`${stack.url}/`);
            await page.getByRole('link', { name: 'Access keys' }).click();
            await see('keys-none');
            await page.getByRole('link', { name: 'Make an access key' }).first().click();
            await see('key-new');
            await page.getByLabel('Name', { exact: true }).fill('Weekly report');
            await page.getByLabel(/See and run tools/).check();
            await page.getByText('Limit it to certain tools').click();
            await page.getByLabel(/Names of tools/).fill('gmail_* !gmail_send_*');
            await page.getByRole('button', { name: 'Make access key' }).click();
            assert.match(await page.getByRole('alert').innerText(), /Choose at least one connector/);
            assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Weekly report');
            await see('key-again');
            await page.locator('.choices input[type=checkbox]').first().check();
            await page.getByRole('button', { name: 'Make access key' }).click();
            const key = await page.locator('#key').innerText();
            assert.match(key, /^ghp_[\w-]{43}$/);
            assert.equal(await page.locator('[data-copy=key]').isVisible(), look.javaScriptEnabled);
            assert.equal(new URL(page.url()).search, '');
            await see('key-made');
            await page.getByRole('link', { name: 'I have copied it' }).click();
            await see('keys');
            await page.getByRole('link', { name: /^Revoke/ }).click();
            await see('key-revoke');
            await page.getByRole('button', { name: 'Revoke it' }).click();
            assert.match(await page.locator('.notice').innerText(), /“Weekly report” is revoked/);
            await see('keys-ended');
            await page.goto(`${stack.url}/nothing-here`);
            await see('problem');
            await page.goto(`${stack.url}/`);
            await page.locator('details.me summary').click();
            await see('menu');
            await page.getByRole('button', { name: 'Sign out' }).click();
            await page.waitForURL(`${stack.url}/signed-out`);
            await see('signed-out');
            assert.deepEqual(complaints.filter((text) => !/nothing-here|400 .*\/tokens\)$/.test(text)), []);
            await context.close();
        });
    }

    it('by keyboard alone: skip link, menu with Escape, and a visible focus', async () => {
        const { context, page, complaints } = await open(looks[0]);
        await page.goto(`${stack.url}/signin?go=1`);
        await page.getByRole('button', { name: /Ada Lovelace/ }).click();
        await page.waitForURL(`${stack.url}/`);
        await page.keyboard.press('Tab');
        assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
        await page.keyboard.press('Enter');
        assert.equal(await page.evaluate(() => location.hash), '#main');
        await page.locator('details.me summary').focus();
        await page.keyboard.press('Enter');
        assert.equal(await page.locator('details.me').getAttribute('open'), '');
        await page.keyboard.press('Escape');
        assert.equal(await page.locator('details.me').getAttribute('open'), null);
        const first = page.locator('main a, main button').first();
        await first.focus();
        await page.keyboard.press('Tab');
        const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        assert.notEqual(outline, 'none');
        assert.deepEqual(complaints, []);
        await context.close();
    });

    it('with sixty connectors, and with twice the text size, nothing scrolls sideways', async () => {
        const many = await startStack({ connections: 60 });
        try {
            for (const look of [looks[0], looks[1]]) {
                const { context, page } = await open(look);
                await page.goto(`${many.url}/signin?go=1`);
                await page.getByRole('button', { name: /Ada Lovelace/ }).click();
                await page.waitForURL(`${many.url}/`);
                assert.ok(await page.locator('li.card').count() >= 55);
                await page.screenshot({ path: path.join(artifacts, `${look.name}-many.png`), fullPage: true });
                assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= look.width);
                await page.evaluate(() => { document.documentElement.style.fontSize = '200%'; });
                assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= look.width, `${look.name} with large text`);
                await context.close();
            }
        } finally {
            await many.stop();
        }
    });

    it('a hostile name stays text', async () => {
        const name = '<img src=x onerror=alert(1)>"\'&';
        const { context, page, complaints } = await open(looks[1]);
        await page.goto(`${stack.url}/signin?go=1`);
        await page.getByRole('button', { name: /Ada Lovelace/ }).click();
        await page.waitForURL(`${stack.url}/`);
        stack.sql(`UPDATE connection SET display_name = '${name.replaceAll("'", "''")}' WHERE name = 'gmail'`, { write: true });
        await page.goto(`${stack.url}/`);
        assert.ok((await page.locator('main').innerText()).includes(name));
        assert.equal(await page.locator('main img').count(), 0);
        await page.goto(`${stack.url}/connect/gmail`);
        assert.ok((await page.locator('h1').innerText()).includes(name));
        await inspect(page, 360, 'hostile-name');
        assert.equal(await page.locator('main img').count(), 0);
        assert.deepEqual(complaints, []);
        await context.close();
    });
});
