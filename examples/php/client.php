<?php
// The back office as a service, from PHP: needs PHP 8 and nothing else.
declare(strict_types=1);

final class BackOffice
{
    public function __construct(private string $address, private string $token) {}

    /** Calls the API; what is refused is thrown with the reason. */
    public function call(string $method, string $path, ?array $body = null): mixed
    {
        $header = "authorization: Bearer {$this->token}\r\ncontent-type: application/json\r\n";
        $content = $body === null ? '' : json_encode($body, JSON_THROW_ON_ERROR);
        $options = ['method' => $method, 'header' => $header, 'content' => $content, 'ignore_errors' => true, 'timeout' => 30];
        $stream = @fopen("{$this->address}/api$path", 'r', false, stream_context_create(['http' => $options]));
        $answer = $stream === false ? false : stream_get_contents($stream);
        if ($answer === false) {
            throw new RuntimeException("{$this->address} cannot be reached");
        }
        $status = (int) explode(' ', stream_get_meta_data($stream)['wrapper_data'][0])[1];
        $value = $answer === '' ? null : json_decode($answer, true, flags: JSON_THROW_ON_ERROR);
        if ($status >= 400) {
            throw new RuntimeException("$method $path: " . ($value['error'] ?? $status));
        }
        return $value;
    }
}

/** Whether a callback is the back office's and not older than five minutes (Standard Webhooks). */
function is_signed(string $secret, string $id, string $timestamp, string $signatures, string $body): bool
{
    $key = str_starts_with($secret, 'whsec_') ? base64_decode(substr($secret, strlen('whsec_')), true) : false;
    if ($key === false || strlen($key) < 16) {
        return false; // Without a secret nothing is signed: anybody can sign with an empty one.
    }
    $wanted = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    $fits = fn (string $signature): bool => hash_equals($wanted, $signature);
    return abs(time() - (int) $timestamp) < 300 && array_filter(explode(' ', $signatures), $fits) !== [];
}

/** Keeps a callback under its id: one that comes twice is kept once. What was not kept is sent again. */
function keep(string $directory, string $id, string $body): bool
{
    $file = $directory . '/' . preg_replace('/[^A-Za-z0-9_-]/', '', $id) . '.json';
    return file_put_contents("$file.part", $body) === strlen($body) && rename("$file.part", $file);
}

// php -S 127.0.0.1:9000 client.php: receives callbacks, and keeps what is signed in the directory CALLBACKS.
if (PHP_SAPI === 'cli-server') {
    $of = fn (string $name): string => $_SERVER["HTTP_WEBHOOK_$name"] ?? '';
    $body = (string) file_get_contents('php://input');
    $secret = trim((string) file_get_contents((string) getenv('SECRET_FILE')));
    $good = is_signed($secret, $of('ID'), $of('TIMESTAMP'), $of('SIGNATURE'), $body);
    http_response_code(!$good ? 401 : (keep((string) getenv('CALLBACKS'), $of('ID'), $body) ? 204 : 500));
    return;
}

// php client.php http://127.0.0.1:8090 TOKEN: orders the first thing that has a price.
$office = new BackOffice($argv[1], $argv[2]);
$restaurant = '/restaurants/' . $office->call('GET', '/restaurants')[0]['id'];
$sold = fn (array $item): bool => $item['shown'] && $item['article'] !== null && (float) ($item['price'] ?? 0) > 0;
$items = array_filter($office->call('GET', "$restaurant/items"), $sold);
$item = array_values($items)[0];
$order = [
    'number' => 'PHP-' . bin2hex(random_bytes(6)), 'location' => $office->call('GET', "$restaurant/locations")[0]['id'],
    'kind' => 'pickup', 'total' => $item['price'], 'placed_at' => gmdate('Y-m-d\TH:i:s\Z'),
    'lines' => [['sold' => ['item' => ['item' => $item['id']]], 'name' => $item['name'], 'quantity' => '1', 'unit_price' => $item['price']]],
    'payments' => [['method' => 'ideal', 'amount' => $item['price']]],
];
$office->call('POST', "$restaurant/orders", $order);
echo $order['number'], "\n";
