// SPDX-License-Identifier: MIT
//
// Certificates for tests of TLS, good ones and others.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A CA, certificates of it for this host (server), for this host until yesterday (expired), for another (other) and for
 * hadald (client): the path of each file by its name, as in ca.pem and server.key. Removed with the test.
 */
export function makeCertificates(t) {
	const directory = mkdtempSync(join(tmpdir(), 'hadal-tls-'));
	t.after(() => rmSync(directory, { recursive: true }));
	const path = (name) => join(directory, name);
	const openssl = (...words) => execFileSync('openssl', words, { stdio: 'pipe' });
	const issue = (name, subject, extension, days = '2') => {
		openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${subject}`,
			'-keyout', path(`${name}.key`), '-out', path(`${name}.csr`));
		writeFileSync(path(`${name}.ext`), extension);
		openssl('x509', '-req', '-in', path(`${name}.csr`), '-CA', path('ca.pem'), '-CAkey', path('ca.key'),
			'-CAcreateserial', '-days', days, '-extfile', path(`${name}.ext`), '-out', path(`${name}.pem`));
	};
	openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
		'-subj', '/CN=Test CA', '-keyout', path('ca.key'), '-out', path('ca.pem'));
	issue('server', '127.0.0.1', 'subjectAltName=IP:127.0.0.1');
	issue('expired', '127.0.0.1', 'subjectAltName=IP:127.0.0.1', '-1');
	openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1',
		'-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', path('own.key'), '-out', path('own.pem'));
	issue('other', 'elsewhere.invalid', 'subjectAltName=DNS:elsewhere.invalid');
	issue('client', 'hadald', 'extendedKeyUsage=clientAuth');
	return path;
}
