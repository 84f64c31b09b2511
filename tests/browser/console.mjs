// The administrator's console in a real browser: what a person with a keyboard, and one with a phone, can do.
// Started by tests/system/console_test.py with a server that has held requests; never against anything but loopback.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

const { CONSOLE_URL, CONSOLE_USER, CONSOLE_PASSWORD, CONSOLE_RESULT, COUNTERSIGN_SCREENSHOTS } = process.env;
const profile = mkdtempSync(join(tmpdir(), 'countersign-browser-'));
const complaints = [];
let context;
let page;

before(async () => {
  context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
    httpCredentials: { username: CONSOLE_USER, password: CONSOLE_PASSWORD },
    viewport: { width: 1100, height: 800 },
    locale: 'en-GB',
  });
  page = await context.newPage();
  page.on('console', (message) => {
    // The browser reports an error page's status here too; those have their own assertions.
    if (message.type() === 'error' && !message.text().includes('status of 40')) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
});

after(async () => {
  await context?.close();
  rmSync(profile, { recursive: true, force: true });
});

const open = (path) => page.goto(CONSOLE_URL + path);
const heading = () => page.locator('h1').innerText();

async function picture(name) {
  if (COUNTERSIGN_SCREENSHOTS) await page.screenshot({ path: join(COUNTERSIGN_SCREENSHOTS, `${name}.png`) });
}

// Presses Tab until `wanted(element)` holds of what has the focus.
async function tabTo(wanted) {
  for (let presses = 0; presses < 60; ++presses) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(`(${wanted})(document.activeElement)`)) return;
  }
  assert.fail(`the keyboard does not reach ${wanted}`);
}

test('the overview says at a glance what is well and who waits', async () => {
  const answer = await open('/');
  assert.equal(answer.status(), 200);
  assert.equal(await heading(), 'Overview');
  assert.match(await page.locator('[role=status]').first().innerText(), /ready/);
  const parts = await page.getByRole('region', { name: 'Health' }).innerText();
  for (const part of ['store', 'keys', 'ca default', 'agent of profile default']) assert.ok(parts.includes(part), part);
  const expiry = await page.getByRole('region', { name: 'Expiry' }).innerText();
  for (const part of ['agent (default)', 'encryption (default)', 'ca (default)', 'days']) assert.ok(expiry.includes(part), part);
  assert.equal(await page.getByRole('region', { name: 'Waiting for an officer' }).locator('tbody tr').count(), 2);
  const events = await page.getByRole('region', { name: 'What happened' }).innerText();
  assert.match(events, /enrollment\.refused/);
  await picture('console-overview');
});

test('foreign text stays text', async () => {
  await open('/requests');
  assert.match(await page.locator('main').innerText(), /CN=.*<img src.*onerror/);
  assert.equal(await page.locator('script,img').count(), 0);
});

test('a password is minted by keyboard, shown once and copied', async () => {
  await open('/');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await tabTo((element) => element.textContent === 'Passwords');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/passwords');
  await tabTo((element) => element.name === 'subject');
  await page.keyboard.type('CN=minted-in-the-console');
  await tabTo((element) => element.name === 'valid_minutes');
  await page.keyboard.type('30');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#challenge');
  const secret = await page.inputValue('#challenge');
  assert.match(secret, /^[0-9A-F]{16}$/);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'challenge');
  await page.keyboard.press('Control+A');
  assert.equal(await page.evaluate(() => document.activeElement.value.slice(document.activeElement.selectionStart,
    document.activeElement.selectionEnd)), secret);
  assert.match(await page.locator('main').innerText(), /CN=minted-in-the-console/);
  // The picture in the manual shows no password that was ever good.
  await page.evaluate(() => { document.getElementById('challenge').value = '0123456789ABCDEF'; });
  await picture('console-password');
  await open('/passwords');
  assert.ok(!(await page.content()).includes(secret));
  assert.match(await page.getByRole('region', { name: 'Outstanding' }).innerText(), /minted-in-the-console/);
  writeFileSync(CONSOLE_RESULT, secret, { mode: 0o600 });
});

test('what cannot be minted is said beside what was typed', async () => {
  await open('/passwords');
  await page.fill('[name=subject]', 'no name at all');
  await page.click('text=Make a password');
  assert.equal(await page.locator('[role=alert]').count(), 1);
  assert.equal(await page.inputValue('[name=subject]'), 'no name at all');
  assert.equal(await page.locator('#challenge').count(), 0);
});

test('an outstanding password is revoked', async () => {
  await open('/passwords');
  await page.fill('[name=subject]', 'CN=to-be-revoked');
  await page.click('text=Make a password');
  await page.waitForSelector('#challenge');
  await open('/passwords');
  await page.locator('tr', { hasText: 'to-be-revoked' }).getByRole('button').click();
  assert.match(await page.locator('[role=status]').first().innerText(), /revoked/);
  assert.equal(await page.locator('tr', { hasText: 'to-be-revoked' }).count(), 0);
});

test('a held request is approved, another denied', async () => {
  await open('/requests?state=held');
  await page.click('text=CN=approve-me');
  assert.equal(await heading(), 'Request');
  assert.match(await page.locator('main').innerText(), /BEGIN CERTIFICATE REQUEST/);
  await picture('console-request');
  await page.click('button:has-text("Approve")');
  assert.match(await page.locator('[role=status]').first().innerText(), /Approved/);
  await page.locator('a', { hasText: "<img src" }).click();
  await page.click('summary');
  await page.fill('[name=reason]', 'not one of ours');
  await page.click('button:has-text("Deny")');
  assert.match(await page.locator('[role=status]').first().innerText(), /Denied/);
  assert.match(await page.locator('tr', { hasText: "<img src" }).innerText(), /not one of ours/);
});

test('a certificate is found and revoked', async () => {
  await open('/certificates');
  await page.fill('[name=subject]', 'revoke-me');
  await page.click('button:has-text("Search")');
  assert.equal(await page.locator('tbody tr').count(), 1);
  await page.click('tbody a');
  await page.click('summary');
  await page.selectOption('[name=reason]', 'keyCompromise');
  await page.locator('details button').click();
  assert.match(await page.locator('[role=status]').first().innerText(), /Revoked/);
  assert.match(await page.locator('tr', { hasText: 'revoke-me' }).innerText(), /revoked/);
});

test('a form on another site does nothing', async () => {
  const other = await context.newPage();
  await other.setContent(`<form method="post" action="${CONSOLE_URL}/passwords"><input name="subject" value="CN=forged">
    <button>Win</button></form>`);
  const [answer] = await Promise.all([other.waitForResponse((response) => response.url().endsWith('/passwords')), other.click('button')]);
  assert.equal(answer.status(), 403);
  await other.close();
  await open('/passwords');
  assert.ok(!(await page.content()).includes('forged'));
});

test('every page fits a phone and is labelled', async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  for (const path of ['/', '/passwords', '/requests', '/certificates', '/events', '/nowhere']) {
    await open(path);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${path} is ${wide} pixels too wide`);
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
    assert.equal(await page.locator('h1').count(), 1);
    const bare = await page.evaluate(() => [...document.querySelectorAll('input:not([type=hidden]),select')]
      .filter((field) => field.labels.length === 0).map((field) => field.name));
    assert.deepEqual(bare, [], path);
    const small = await page.evaluate(() => [...document.querySelectorAll('button,input:not([type=hidden]),select')]
      .filter((field) => field.getBoundingClientRect().height < 36 && field.getBoundingClientRect().height > 0).length);
    assert.equal(small, 0, `${path} has what a finger misses`);
  }
  await open('/');
  await picture('console-phone');
});

test('the browser had nothing to complain about', () => assert.deepEqual(complaints, []));
