// Starts scalekit-sim for a test file and speaks to it.
// The program is taken from SCALEKIT_SIM, or from the build folder that GATE_BUILD names.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const program = process.env.SCALEKIT_SIM
  ?? path.join(process.env.GATE_BUILD ?? path.join(here, '../../../build/release'), 'scalekit-sim');

export class Simulator {
  static async start(...options) {
    if (!existsSync(program)) throw new Error(`${program} is not built; set SCALEKIT_SIM`);
    const simulator = new Simulator();
    simulator.process = spawn(program, ['--port', '0', '--control', ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    simulator.exited = new Promise((resolve) => simulator.process.once('exit', resolve));
    simulator.url = await new Promise((resolve, reject) => {
      simulator.process.stdout.once('data', (line) =>
        resolve(/listening on (\S+)/.exec(String(line))[1]));
      simulator.exited.then((code) => reject(new Error(`exit code ${code}`)));
    });
    return simulator;
  }

  async stop() {
    this.process.kill('SIGTERM');
    return this.exited;
  }

  fetch(target, init = {}) {
    return fetch(new URL(target, this.url), { redirect: 'manual', ...init });
  }

  form(target, fields, headers = {}) {
    return this.fetch(target, { method: 'POST', body: new URLSearchParams(fields), headers });
  }

  async authorize() {
    const answer = await this.form('/oauth/token', {
      grant_type: 'client_credentials',
      client_id: 'skc_simulator',
      client_secret: 'simulator-secret',
    });
    this.token = (await answer.json()).access_token;
  }

  // One API call: {status, body}. An object as body is sent as JSON, text as it is.
  async call(method, target, body, headers = {}) {
    const answer = await this.fetch(target, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...headers },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text ? JSON.parse(text) : null };
  }

  async control(method, target, body) {
    const answer = await this.fetch(`/sim/${target}`, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`/sim/${target}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  setAccount(connector, identifier, status) {
    return this.control('POST', 'accounts', { connector, identifier, status });
  }

  async link(fields) {
    const answer = await this.call('POST', '/api/v1/connected_accounts/magic_link', fields);
    return answer.body.link;
  }

  async status(connector, identifier) {
    const query = new URLSearchParams({ connector, identifier });
    const answer = await this.call('GET', `/api/v1/connected_accounts/details?${query}`);
    return answer.body.connected_account?.status;
  }
}

export function makePkce() {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}
