// An OpenID-certified token server: prints its port, gives tokens of 5 seconds, and serves an API.
import { createRequire } from 'node:module';
import http from 'node:http';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.OIDC_MODULES}/`);
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

const server = http.createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const client = (client_id, client_secret, token_endpoint_auth_method) => ({
  client_id,
  client_secret,
  token_endpoint_auth_method,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
});

const provider = new Provider(issuer, {
  clients: [
    client('erp:1 &', process.env.CLIENT_SECRET, 'client_secret_basic'),
    client('erp-post', process.env.CLIENT_SECRET, 'client_secret_post'),
  ],
  scopes: ['contacts.write'],
  ttl: { ClientCredentials: 5 },
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: async () => ({
        scope: 'contacts.write', accessTokenFormat: 'opaque', accessTokenTTL: 5,
      }),
    },
  },
});

const oidc = provider.callback();
server.on('request', async (request, response) => {
  if (request.url !== '/api') return oidc(request, response);
  const token = (request.headers.authorization ?? '').replace('Bearer ', '');
  const found = await provider.ClientCredentials.find(token);
  response.statusCode = found && !found.isExpired ? 204 : 401;
  response.setHeader('x-scope', found?.scope ?? '');
  request.resume();
  response.end();
});
process.stdout.write(`${server.address().port}\n`);
