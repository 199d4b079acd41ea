<?php

/** The panel refused; the message says why. Nothing was done and nothing was charged. */
class ApiRefused extends RuntimeException
{
}

/** No usable answer came. What was asked may or may not have been done. */
class ApiNoAnswer extends RuntimeException
{
}

/** A client for API v2. It needs PHP 7.4 or newer with the curl extension. */
final class Api
{
    private const CONNECT_TIMEOUT_SECONDS = 10;
    private const TIMEOUT_SECONDS = 30;
    private const SERVICES_TIMEOUT_SECONDS = 60;

    private string $url;
    private string $key;

    public function __construct(string $url, string $key)
    {
        $this->url = $url;
        $this->key = $key;
    }

    /** All services with their prices. */
    public function services(): array
    {
        return $this->call(['action' => 'services'], self::SERVICES_TIMEOUT_SECONDS);
    }

    /**
     * Places an order. Give it an idempotency_key of your own: after ApiNoAnswer, the same call
     * with the same key is safe, it returns the first order instead of placing another one.
     */
    public function order(array $fields): array
    {
        return $this->call(['action' => 'add'] + $fields);
    }

    public function status($orderId): array
    {
        return $this->call(['action' => 'status', 'order' => $orderId]);
    }

    /** Up to 100 order ids; the answer is keyed by id, and each entry may be an error. */
    public function multiStatus(array $orderIds): array
    {
        return $this->call(['action' => 'status', 'orders' => implode(',', $orderIds)]);
    }

    public function refill($orderId): array
    {
        return $this->call(['action' => 'refill', 'order' => $orderId]);
    }

    /** Up to 100 order ids; each row of the answer may hold an error. */
    public function multiRefill(array $orderIds): array
    {
        return $this->call(['action' => 'refill', 'orders' => implode(',', $orderIds)]);
    }

    public function refillStatus($refillId): array
    {
        return $this->call(['action' => 'refill_status', 'refill' => $refillId]);
    }

    /** Up to 100 refill ids; each row of the answer may hold an error. */
    public function multiRefillStatus(array $refillIds): array
    {
        return $this->call(['action' => 'refill_status', 'refills' => implode(',', $refillIds)]);
    }

    /** Up to 100 order ids; each row of the answer may hold an error. */
    public function cancel(array $orderIds): array
    {
        return $this->call(['action' => 'cancel', 'orders' => implode(',', $orderIds)]);
    }

    public function balance(): array
    {
        return $this->call(['action' => 'balance']);
    }

    private function call(array $fields, int $timeoutSeconds = self::TIMEOUT_SECONDS): array
    {
        $curl = curl_init($this->url);
        curl_setopt_array($curl, [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => http_build_query(['key' => $this->key] + $fields, '', '&'),
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_SSL_VERIFYPEER => true,
            CURLOPT_SSL_VERIFYHOST => 2,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_CONNECTTIMEOUT => self::CONNECT_TIMEOUT_SECONDS,
            CURLOPT_TIMEOUT => $timeoutSeconds,
        ]);
        $body = curl_exec($curl);
        if ($body === false) {
            throw new ApiNoAnswer(curl_error($curl));
        }
        $httpCode = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        $answer = json_decode($body, true);
        if ($httpCode !== 200 || !is_array($answer)) {
            throw new ApiNoAnswer("HTTP code $httpCode");
        }
        if (isset($answer['error'])) {
            throw new ApiRefused($answer['error']);
        }
        return $answer;
    }
}

/** Every call once. It places two orders, which your balance pays for. */
function tour(Api $api, int $service, string $link, int $quantity, string $myReference): void
{
    $show = function (string $what, array $answer): void {
        echo $what, ' ', json_encode($answer, JSON_UNESCAPED_SLASHES), "\n";
    };

    $orderIds = [];
    foreach (['/first', '/second'] as $path) {
        $order = $api->order([
            'service' => $service,
            'link' => $link . $path,
            'quantity' => $quantity,
            'idempotency_key' => $myReference . $path,
        ]);
        $show('order', $order);
        $orderIds[] = $order['order'];
    }
    $show('status', $api->status($orderIds[0]));
    $show('multiStatus', $api->multiStatus($orderIds));

    try {
        $refill = $api->refill($orderIds[0]);
        $show('refill', $refill);
        $show('refillStatus', $api->refillStatus($refill['refill']));
    } catch (ApiRefused $refusal) {
        $show('refused', ['error' => $refusal->getMessage()]);
    }
    $rows = $api->multiRefill($orderIds);
    $show('multiRefill', $rows);
    // An entry that was refused is an array with its error; only the others are refill ids.
    $refillIds = array_filter(array_column($rows, 'refill'), 'is_scalar');
    if ($refillIds) {
        $show('multiRefillStatus', $api->multiRefillStatus($refillIds));
    }
    $show('cancel', $api->cancel($orderIds));
}

$api = new Api('https://panel.example/api/v2', 'YOUR_API_KEY');

$balance = $api->balance();
echo $balance['balance'], ' ', $balance['currency'], "\n";
echo count($api->services()), " services\n";
// tour($api, 1, 'https://example.com', 100, 'my-order-1001');
